"""What lab 01's checks and notebook stand on: the shop, its probes, the judging of the rounds, and its pictures."""
