"""The cloud under the labs: an AWS endpoint on this machine, and the way to it."""
