"""What lab 06's checks and notebook stand on: the shop, its sessions, reading policies back, and judging the rounds."""
