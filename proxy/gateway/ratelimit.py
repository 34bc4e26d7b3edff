"""A rate limit per truncated client address. In memory only, bounded, and forgotten every minute."""

_MOST_ADDRESSES = 100_000


class RateLimit:
    """Counts requests per truncated address in windows of one minute. ``per_minute`` 0 means no limit."""

    def __init__(self, per_minute: int) -> None:
        self._limit = per_minute
        self._window = 0
        self._counts: dict[str, int] = {}

    def retry_after(self, address: str, now_s: int) -> int:
        """Count one request; 0 if it may pass, else the seconds until the next may."""
        if not self._limit:
            return 0
        window = now_s // 60
        if window != self._window:
            self._window = window
            self._counts = {}
        count = self._counts.get(address, 0) + 1
        if count > self._limit:
            return 60 - now_s % 60
        if count > 1 or len(self._counts) < _MOST_ADDRESSES:
            self._counts[address] = count
        return 0
