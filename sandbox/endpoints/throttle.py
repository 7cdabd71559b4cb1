"""Token buckets: a rate per second, and a burst that may come at once.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-request-throttling.html
"""

from __future__ import annotations

import threading


class Bucket:
    """One bucket, full at first. Times are Unix seconds of sandbox time."""

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self.rate = rate
        self.burst = burst
        self._tokens = burst
        self._at = now

    def take(self, now: float) -> bool:
        """Whether one more request may pass."""
        self._tokens = min(self.burst, self._tokens + max(now - self._at, 0.0) * self.rate)
        self._at = max(now, self._at)
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


class Throttle:
    """A bucket for each key, made anew when its limits change."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._buckets: dict[str, Bucket] = {}

    def passes(self, key: str, rate: float | None, burst: float | None, now: float) -> bool:
        """Whether one more request of `key` may pass; with neither limit every one may."""
        if rate is None and burst is None:
            return True
        rate = float(rate if rate is not None else burst or 0)
        burst = float(burst if burst is not None else rate)
        with self._lock:
            bucket = self._buckets.get(key)
            if bucket is None or (bucket.rate, bucket.burst) != (rate, burst):
                bucket = self._buckets[key] = Bucket(rate, burst, now)
            return bucket.take(now)

    def forget(self) -> None:
        """Begin anew."""
        with self._lock:
            self._buckets.clear()
