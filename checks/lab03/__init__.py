"""What lab 03 needs beside its checks: its opening state, its releases, what it reads back, and its pictures."""
