"""The vendors' side of a connection: HTTP/1.1 as far as Sayso speaks it, and the ways to break it."""

import asyncio
from collections.abc import Callable, Iterable
from typing import cast

from chaos.vendor_words import Answer

Begin = Callable[["Connection", str, bytes, float], None]


class Connection(asyncio.Protocol):
    """One connection to the vendors.

    Args:
        begin: called with each whole request: this connection, target, body, and the earliest time it can have begun.
        earliest: returns that time when its first byte is seen.
    """

    def __init__(self, begin: Begin, earliest: Callable[[], float]) -> None:
        self._begin = begin
        self._earliest = earliest
        self._data = bytearray()
        self._since = 0.0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the transport."""
        self._transport = None

    def data_received(self, data: bytes) -> None:
        """Gather a request and hand it on when it is whole."""
        if not self._data:
            self._since = self._earliest()
        self._data += data
        head, found, rest = bytes(self._data).partition(b"\r\n\r\n")
        if not found:
            return
        lines = head.decode("latin-1").split("\r\n")
        length = _length(lines[1:])
        if len(rest) < length:
            return
        self._data.clear()
        _, target, _ = lines[0].split(" ", 2)
        self._begin(self, target, rest[:length], self._since)

    def answer(self, answer: Answer, *, cut: bool = False) -> None:
        """Write an answer; a cut one promises more than it holds."""
        if self._transport is None:
            return
        length = len(answer.body) + (20 if cut else 0)
        lines = [f"HTTP/1.1 {answer.status} Fine"]
        if answer.status != 204 or cut:
            lines.append(f"Content-Length: {length}")
        lines += [f"{name}: {value}" for name, value in answer.headers.items()]
        if cut and answer.status == 204:
            lines[0] = "HTTP/1.1 200 Fine"  # a 204 has no body that could be cut
        self._transport.write("\r\n".join([*lines, "", ""]).encode() + answer.body)
        if cut:
            self._transport.close()

    def abort(self) -> None:
        """Reset the connection."""
        if self._transport is not None:
            self._transport.abort()


def _length(lines: Iterable[str]) -> int:
    for line in lines:
        name, _, value = line.partition(":")
        if name.strip().lower() == "content-length":
            return int(value)
    return 0
