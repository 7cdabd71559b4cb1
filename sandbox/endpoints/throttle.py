"""Token buckets: a rate per second, and a burst that may come at once.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-request-throttling.html
"""

from __future__ import annotations

import threading

#: What an account may in a Region, over all its APIs: fact apigw-timeouts, and for the burst
#: https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html
ACCOUNT_RATE = 10_000.0
ACCOUNT_BURST = 5_000


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
        """Whether one more request of `key` may pass; with neither limit every one may.

        A limit that is left out, or below zero, is the account's.
        """
        rate = None if rate is None or rate < 0 else float(rate)
        burst = None if burst is None or burst < 0 else float(burst)
        if rate is None and burst is None:
            return True
        rate = ACCOUNT_RATE if rate is None else rate
        burst = ACCOUNT_BURST if burst is None else burst
        with self._lock:
            bucket = self._buckets.get(key)
            if bucket is None or (bucket.rate, bucket.burst) != (rate, burst):
                bucket = self._buckets[key] = Bucket(rate, burst, now)
            return bucket.take(now)

    def forget(self) -> None:
        """Begin anew."""
        with self._lock:
            self._buckets.clear()


class AccountThrottle:
    """The limits of each account and Region, shared by its REST and HTTP APIs.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-request-throttling.html
    """

    def __init__(self) -> None:
        self._throttle = Throttle()

    def passes(self, account: str, region: str, now: float) -> bool:
        """Whether one more request to an API of the account may pass."""
        return self._throttle.passes(f"{account} {region}", ACCOUNT_RATE, ACCOUNT_BURST, now)
