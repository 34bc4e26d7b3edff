"""A proxy between Sayso and its store that cuts connections in the middle of a reply, and does worse."""

import asyncio
import random
from pathlib import Path
from typing import Self


class CuttingProxy:
    """Listens on a port of loopback and hands everything on to a unix socket, byte by byte, as long as it is left alone.

    Args:
        target: the store's socket.
        seed: for where a reply is cut.
        port: where to listen.
    """

    def __init__(self, target: Path, seed: int, port: int) -> None:
        self.target = target
        self.port = port
        self.cuts = 0
        """Replies that were cut in the middle."""
        self._chance = random.Random(f"{seed}-cuts")
        self._armed = 0
        self._refusing = False
        self._swallowing = False
        self._flows = asyncio.Event()
        self._flows.set()
        self._links: set[_Link] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        self.heal()
        self.cut_all()

    # --- what it is told --------------------------------------------------------------------------------------------

    def arm(self, number: int) -> None:
        """Cut the next so many replies in the middle."""
        self._armed = number

    def cut_all(self) -> None:
        """Reset every connection."""
        for link in list(self._links):
            link.abort()

    def stall(self) -> None:
        """Let no byte through, in either direction, until ``heal``."""
        self._flows.clear()

    def swallow(self) -> None:
        """Let requests through and keep the replies back; ``heal`` then resets those connections."""
        self._swallowing = True

    def refuse(self) -> None:
        """Reset every connection, now and when it is made."""
        self._refusing = True
        self.cut_all()

    def heal(self) -> None:
        """Behave from now on."""
        if self._swallowing:
            self.cut_all()
        self._armed = 0
        self._refusing = self._swallowing = False
        self._flows.set()

    # --- what it does -----------------------------------------------------------------------------------------------

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._refusing:
            writer.transport.abort()
            return
        try:
            up_reader, up_writer = await asyncio.open_unix_connection(str(self.target))
        except OSError:
            writer.transport.abort()
            return
        link = _Link(writer, up_writer)
        self._links.add(link)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pump(reader, up_writer, link, reply=False))
                group.create_task(self._pump(up_reader, writer, link, reply=True))
        finally:
            self._links.discard(link)
            link.abort()

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, link: "_Link", *, reply: bool
    ) -> None:
        try:
            while data := await reader.read(65536):
                await self._flows.wait()
                if reply and self._swallowing:
                    continue
                if reply and self._armed > 0:
                    self._armed -= 1
                    self.cuts += 1
                    writer.write(data[: self._chance.randrange(len(data))])
                    break
                writer.write(data)
                await writer.drain()
        except OSError:
            pass  # either end may go at any time: that is what this is for
        if reply:
            await _flushed(writer)
        link.close()


async def _flushed(writer: asyncio.StreamWriter) -> None:
    try:
        await writer.drain()
    except OSError:
        return


class _Link:
    """A connection and its other half."""

    def __init__(self, *writers: asyncio.StreamWriter) -> None:
        self._writers = writers

    def close(self) -> None:
        """Close both halves after what was written."""
        for writer in self._writers:
            writer.close()

    def abort(self) -> None:
        """Reset both halves."""
        for writer in self._writers:
            writer.transport.abort()
