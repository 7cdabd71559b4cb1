"""What lab 02 needs beside its checks: its opening state, its deployments, what it reads back, and its pictures."""
