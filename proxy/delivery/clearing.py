"""Clearing an outbox of what its visitors have taken back: what waits, its dead letters, and what is kept as sent.

Shared by the sweep after a withdrawal and by an erasure. In bounded pieces; each entry is ended, and counted, once.
"""

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Final

from proxy.delivery.lowering import withdrawn
from proxy.entry import Entry, encode
from proxy.quoted import struck
from proxy.reasons import OutcomeReason
from proxy.store import find
from proxy.store.claims import DEAD_LETTER_S, Claims, Lower, Operation
from proxy.store.client import Store, script
from proxy.store.find import Found
from proxy.store.keys import outbox_keys
from proxy.store.wire import Arg

Judge = Callable[[Entry], Entry | None]
"""Returns a full entry as it is if it may stay, its cookieless form if it may have one, else None."""

_LETTERS: Final = script("letters")
_TURN: Final = 20
"""Entries that are made cookieless before others have their turn; each costs some tenths of a millisecond."""


@dataclass(slots=True)
class Cleared:
    """What was cleared: pending entries that became cookieless or were dropped, dead letters, kept copies of sent ones.

    ``held`` counts those that were left alone because a worker has them in hand.
    """

    lowered: int = 0
    dropped: int = 0
    dead_letters: int = 0
    sent_copies: int = 0
    held: int = 0

    def __add__(self, other: "Cleared") -> "Cleared":
        return Cleared(
            self.lowered + other.lowered,
            self.dropped + other.dropped,
            self.dead_letters + other.dead_letters,
            self.sent_copies + other.sent_copies,
            self.held + other.held,
        )

    @property
    def total(self) -> int:
        """How many were cleared."""
        return self.lowered + self.dropped + self.dead_letters + self.sent_copies


class Clearing:
    """Clears one partition of one forwarder's outbox.

    Args:
        store: the store.
        site: whose outbox.
        forwarder: likewise.
        partition: likewise.
        judge: what becomes of an entry.
        silence_ms: after so long without a sign of life a worker holds nothing any more.
        tell: told of each pending entry that was lowered or dropped.
    """

    def __init__(
        self,
        store: Store,
        site: str,
        forwarder: str,
        partition: int,
        judge: Judge,
        *,
        silence_ms: int,
        tell: Callable[[Entry], None] | None = None,
    ) -> None:
        self._store = store
        self._keys = outbox_keys(partition, site, forwarder)
        self._claims = Claims(store, self._keys, site=site, forwarder=forwarder, worker="clearing")
        self._judge = judge
        self._silence_ms = silence_ms
        self._tell = tell
        self.held: set[str] = set()
        """Visitors of whom a worker had something in hand that was left to it."""

    async def withdraw(self, visitors: Collection[str]) -> Cleared:
        """Lower, or drop as withdrawn, what these visitors no longer allow. Dead letters are lowered too.

        What a live worker has in hand is left to it: it looks at consent itself before it sends, and a request that is
        under way must not be followed by a cookieless one for the same event.

        Raises:
            StoreUnavailableError: the store does not answer; doing it again is safe.
        """
        cleared = await self._pending(visitors, OutcomeReason.WITHDRAWN, spare=True)
        async for letters in find.dead(self._store, self._keys, visitors):
            cleared.dead_letters += await self._lower_letters(letters)
        cleared.sent_copies = await self._delete_copies(visitors)
        return cleared

    async def erase(self, visitors: Collection[str]) -> Cleared:
        """Lower, or drop as erased, all that waits of these visitors, and delete dead letters and copies.

        What a worker has in hand is dropped: it may be on its way, and must not arrive a second time as a ping.

        Raises:
            StoreUnavailableError: the store does not answer; doing it again is safe.
        """
        cleared = await self._pending(visitors, OutcomeReason.ERASED, spare=False)
        async for letters in find.dead(self._store, self._keys, visitors):
            cleared.dead_letters += await self._delete(self._keys.dead, letters)
        cleared.sent_copies = await self._delete_copies(visitors)
        return cleared

    async def count(self, visitors: Collection[str]) -> Cleared:
        """Return what ``erase`` would do now.

        Raises:
            StoreUnavailableError: the store does not answer.
        """
        cleared = Cleared()
        async for waiting in find.pending(self._store, self._keys, visitors, silence_ms=self._silence_ms):
            lowered = sum(
                one.entry is not None and not one.held and self._judge(one.entry) is not None
                for one in waiting
            )
            cleared += Cleared(lowered=lowered, dropped=len(waiting) - lowered)
        async for letters in find.dead(self._store, self._keys, visitors):
            cleared.dead_letters += len(letters)
        async for copies in find.sent(self._store, self._keys, visitors):
            cleared.sent_copies += len(copies)
        return cleared

    async def _pending(self, visitors: Collection[str], reason: OutcomeReason, *, spare: bool) -> Cleared:
        cleared = Cleared()
        async for waiting in find.pending(self._store, self._keys, visitors, silence_ms=self._silence_ms):
            operations: list[Operation] = []
            reached: list[Entry] = []
            for number, one in enumerate(waiting):
                if number % _TURN == 0:
                    await asyncio.sleep(0)
                if one.held and spare:
                    cleared.held += 1
                    if one.entry is not None and one.entry.visitor is not None:
                        self.held.add(one.entry.visitor)
                    continue
                entry = None if one.entry is None or one.held else self._judge(one.entry)
                if entry is not None and entry is one.entry:
                    continue
                operations.append(withdrawn(one.id, entry, reason))
                reached += [one.entry] if one.entry is not None else []
            if operations:
                await self._claims.settle(operations)
                if self._tell is not None:
                    for entry in reached:
                        self._tell(entry)
                lowered = sum(isinstance(operation, Lower) for operation in operations)
                cleared.lowered += lowered
                cleared.dropped += len(operations) - lowered
        return cleared

    async def _lower_letters(self, letters: Sequence[Found]) -> int:
        """Replace dead letters by their cookieless form, and delete those that have none."""
        gone: list[Found] = []
        args: list[Arg] = [DEAD_LETTER_S]
        for number, one in enumerate(letters):
            if number % _TURN == 0:
                await asyncio.sleep(0)
            entry = None if one.entry is None else self._judge(one.entry)
            if entry is None:
                gone.append(one)
            elif entry is not one.entry:
                args += (one.id, encode(entry), struck(one.words, one.entry))
        replaced = 0
        if len(args) > 1:
            replaced = int(await self._store.run(_LETTERS, [self._keys.dead], args))
        return replaced + await self._delete(self._keys.dead, gone)

    async def _delete_copies(self, visitors: Collection[str]) -> int:
        deleted = 0
        async for copies in find.sent(self._store, self._keys, visitors):
            gone = [one for one in copies if one.entry is None or self._judge(one.entry) is not one.entry]
            deleted += await self._delete(self._keys.sent, gone)
        return deleted

    async def _delete(self, stream: str, entries: Sequence[Found]) -> int:
        if not entries:
            return 0
        return int(await self._store.guarded(self._store.redis.xdel(stream, *(one.id for one in entries))))
