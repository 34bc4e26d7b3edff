"""Random ids on the hot path: from the system's generator, drawn a few thousand bytes at a time.

A call to the system per id costs as much as decoding an event. The bytes are used once and in one process only.
"""

import os

_DRAWN = 4096


class _Source:
    """Random bytes in store. Belongs to one process: a fork would hand the same bytes out twice."""

    def __init__(self) -> None:
        self._bytes = b""
        self._at = 0
        os.register_at_fork(after_in_child=self.forget)

    def forget(self) -> None:
        """Throw away what is in store."""
        self._bytes, self._at = b"", 0

    def take(self, count: int) -> bytes:
        """Return that many fresh random bytes."""
        at = self._at
        if at + count > len(self._bytes):
            self._bytes, at = os.urandom(max(_DRAWN, count)), 0
        self._at = at + count
        return self._bytes[at : at + count]


_take = _Source().take


def hex_id(size: int) -> str:
    """Return ``size`` random bytes as hex digits."""
    return _take(size).hex()


def bits31() -> int:
    """Return a random integer of 31 bits."""
    return int.from_bytes(_take(4), "big") >> 1
