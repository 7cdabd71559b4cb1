"""Mixes of requests, and runs of them: what `cloud.traffic.play` and `cloud.traffic.background` are made of."""
