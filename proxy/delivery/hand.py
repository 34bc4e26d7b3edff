"""Which entries a lane has in hand: from their claim until they are settled, parked or given back."""

import asyncio
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress


class Hand:
    """Ids of entries in hand, each with a number of its own per claim.

    An entry that is given back may be claimed once more before its first holder has let go of it; the number tells the
    two apart.

    Args:
        bound: how many there may be.
    """

    def __init__(self, bound: int) -> None:
        self._bound = bound
        self._serial = 0
        self._ids: dict[str, int] = {}
        self._wanted = 1
        self._enough = asyncio.Event()

    @property
    def ids(self) -> Collection[str]:
        """The ids of all that is in hand."""
        return self._ids.keys()

    @property
    def room(self) -> int:
        """How many more there may be."""
        return self._bound - len(self._ids)

    def take(self, entry_id: str) -> None:
        """Take an entry that was claimed just now."""
        self._serial += 1
        self._ids[entry_id] = self._serial

    def hold(self, ids: Iterable[str]) -> Mapping[str, int]:
        """Return what is to be handed to ``release`` when these are done with."""
        return {entry_id: self._ids[entry_id] for entry_id in ids if entry_id in self._ids}

    def release(self, held: Mapping[str, int]) -> None:
        """Let go of entries."""
        for entry_id, serial in held.items():
            if self._ids.get(entry_id) == serial:
                del self._ids[entry_id]
        if self.room >= self._wanted:
            self._enough.set()

    async def wait(self, room: int, longest_s: float) -> None:
        """Wait until there is so much room, but not for ever."""
        self._wanted = room
        self._enough.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(longest_s):
                await self._enough.wait()
