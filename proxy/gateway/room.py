"""What may wait for the store in one process: so many requests and so many bytes; who comes then is told at once."""

from proxy.store.client import StoreUnavailableError

_MOST = 20_000
_MOST_BYTES = 32 << 20
"""Bytes of bodies. Parsed and reduced they are several times as large."""


class Room:
    """Counts the requests with events that are on their way into the store.

    Args:
        most: how many there may be.
        most_bytes: what their bodies may come to.
    """

    def __init__(self, most: int = _MOST, most_bytes: int = _MOST_BYTES) -> None:
        self._most = most
        self._most_bytes = most_bytes
        self._requests = 0
        self._bytes = 0

    def enter(self, size: int) -> None:
        """Let a request with a body of this size in; it must ``leave`` with the same size.

        Raises:
            StoreUnavailableError: there is no room for it.
        """
        if self._requests >= self._most or self._bytes + size > self._most_bytes:
            raise StoreUnavailableError("too much waits for the store")
        self._requests += 1
        self._bytes += size

    def leave(self, size: int) -> None:
        """Let it out again."""
        self._requests -= 1
        self._bytes -= size
