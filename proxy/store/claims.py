"""The outbox, delivering side: claim entries, settle them, park them. At least once, and each settled once."""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from redis.exceptions import ResponseError

from proxy.entry import Entry, decode, encode
from proxy.reasons import Outcome
from proxy.store.client import GONE, Store, StoreUnavailableError, script
from proxy.store.keys import GROUP, OutboxKeys
from proxy.store.wire import Arg

DEAD_LETTER_S = 72 * 3600
SILENCE_MS = 5_000
"""After so long without a sign of life a worker's entries are others' to claim. It gives one every second."""
ASK_LEASE_MS = 120_000
"""How long a reference that was handed out to be asked about is nobody else's to ask."""
_DUE = script("due")
_SETTLE = script("settle")
_ASKS = script("asks")
_LEAVE = script("leave")
_PREPARE = script("prepare")


@dataclass(frozen=True, slots=True)
class Kept:
    """How many delivered entries an outbox partition keeps for a replay, and for how many seconds; 0: none."""

    seconds: int = 0
    entries: int = 10_000


NOTHING_KEPT = Kept()


@dataclass(slots=True, repr=False)
class Claimed:
    """An entry in hand. ``entry`` is None where its bytes cannot be read. ``tries`` counts earlier attempts."""

    id: str
    entry: Entry | None
    tries: int


@dataclass(frozen=True, slots=True)
class End:
    """Settle it: ``outcome`` for ``reason``; with ``words`` it is kept as a dead letter. ``note``: see ``proxy.audit.trail.sent``."""

    id: str
    outcome: Outcome
    reason: str
    words: str | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Park:
    """Try it again in ``delay_ms``; it is in nobody's hands until then. ``tried``: that was an attempt of its own."""

    id: str
    delay_ms: int
    tried: bool = True
    note: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class Lower:
    """Replace it by its cookieless form, which goes to the end of the same outbox."""

    id: str
    entry: Entry
    note: str = ""


@dataclass(frozen=True, slots=True)
class Give:
    """Give it back at once, as if never claimed."""

    id: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class AskLater:
    """Ask the vendor about ``reference`` in ``delay_ms``."""

    reference: str
    delay_ms: int


@dataclass(frozen=True, slots=True)
class AskedAgain:
    """It has no final answer yet: ask again in ``delay_ms``, under the reference ``new``."""

    reference: str
    new: str
    delay_ms: int


@dataclass(frozen=True, slots=True)
class Answered:
    """It is answered; ``refused`` counts what the vendor refused after having taken it."""

    reference: str
    refused: int


Operation = End | Park | Lower | Give | AskLater | AskedAgain | Answered


class Claims:
    """One forwarder's outbox in one partition, as one worker sees it.

    Args:
        store: where it is.
        keys: its keys.
        site: whose it is.
        forwarder: likewise.
        worker: under which name entries are claimed.
        kept: what is kept of delivered entries.
    """

    def __init__(
        self,
        store: Store,
        keys: OutboxKeys,
        *,
        site: str,
        forwarder: str,
        worker: str,
        kept: Kept = NOTHING_KEPT,
    ) -> None:
        self._store = store
        self._keys = keys
        self._who = f"{site}|{forwarder}"
        self._worker = worker
        self._kept = kept
        self._heard_at: float | None = None
        self._judges_from = 0.0
        self._time: tuple[int, float] | None = None

    async def prepare(self) -> None:
        """Make the stream and its group where they are missing. The group starts at 0: nothing waits unseen.

        Raises:
            StoreUnavailableError: the store does not answer.
        """
        await self._store.run(_PREPARE, [self._keys.stream], [GROUP])

    async def due(self, most: int, *, silence_ms: int = SILENCE_MS, early_ms: int = 0) -> list[Claimed]:
        """Claim parked entries whose time has come, and what workers silent for ``silence_ms`` left behind.

        Also says that this worker is alive, so call it every second or so. With ``early_ms``, parked entries whose time
        comes within that are claimed too. Who was silent itself for so long (the store was away, the machine stood still)
        calls nobody dead before the others have had as long to be heard again.

        Raises:
            StoreUnavailableError: the store does not answer.
        """
        keys, now = self._keys, asyncio.get_running_loop().time()
        if self._heard_at is not None and now - self._heard_at > silence_ms / 1000:
            self._judges_from = now + silence_ms / 1000
        judged_ms = silence_ms if now >= self._judges_from else 0
        reply = await self._store.run(
            _DUE,
            [keys.stream, keys.parked, keys.tries, keys.workers, keys.clock],
            [GROUP, self._worker, most, judged_ms, early_ms, self._partition_ms(now)],
        )
        self._heard_at = now
        # From when the answer came, not from when it was asked for: what is too little is made good by the store's own
        # time, but too much would add up.
        self._time = (int(reply[0]), asyncio.get_running_loop().time())
        return [_claimed(entry_id, fields, int(tries)) for entry_id, fields, tries in reply[1:]]

    def _partition_ms(self, now: float) -> int:
        """Return what time it must be in the partition by now (monotonic s), by what it was before; 0 if nobody said."""
        if self._time is None:
            return 0
        told_ms, at = self._time
        return told_ms + int((now - at) * 1000)

    async def new(self, most: int, *, block_ms: int | None) -> list[Claimed]:
        """Claim entries that nobody had yet, waiting for the first up to ``block_ms`` (None: not at all).

        Raises:
            StoreUnavailableError: the store does not answer.
        """
        try:
            async with asyncio.timeout(self._store.patience_s + (block_ms or 0) / 1000):
                reply: Any = await self._store.redis.xreadgroup(
                    GROUP, self._worker, {self._keys.stream: ">"}, count=most, block=block_ms
                )
        except ResponseError as error:
            if str(error).startswith("NOGROUP"):
                await self.prepare()
                return []
            raise StoreUnavailableError(type(error).__name__) from None
        except GONE as error:
            raise StoreUnavailableError(type(error).__name__) from None
        if not reply:
            return []
        streams = reply.values() if isinstance(reply, dict) else (found for _, found in reply)
        claimed: list[Claimed] = []
        for found in streams:
            for entry_id, fields in _pairs(found):
                claimed.append(Claimed(entry_id.decode(), _decoded(fields.get(b"e", b"")), 0))
        return claimed

    async def settle(self, operations: Sequence[Operation]) -> int:
        """Do what was decided about entries; returns how many this call ended.

        Raises:
            StoreUnavailableError: the store does not answer; doing it again is safe.
        """
        keys = self._keys
        args: list[Arg] = [GROUP, self._who, DEAD_LETTER_S, self._kept.seconds, self._kept.entries]
        for operation in operations:
            match operation:
                case End(entry_id, outcome, reason, None, note):
                    args += ("end", entry_id, f"{outcome}|{reason}", note)
                case End(entry_id, outcome, reason, words, note):
                    args += ("bury", entry_id, f"{outcome}|{reason}", words or "", note)
                case Park(entry_id, delay_ms, tried, note):
                    args += ("park", entry_id, delay_ms, int(tried), note)
                case Lower(entry_id, entry, note):
                    args += ("lower", entry_id, encode(entry), note)
                case Give(entry_id, note):
                    args += ("give", entry_id, note)
                case AskLater(reference, delay_ms):
                    args += ("ask", reference, delay_ms)
                case AskedAgain(reference, new, delay_ms):
                    args += ("again", reference, new, delay_ms)
                case Answered(reference, refused):
                    args += ("answer", reference, refused)
        names = [
            keys.stream,
            keys.parked,
            keys.tries,
            keys.dead,
            keys.asks,
            keys.counts,
            keys.sent,
            keys.clock,
            keys.trail,
            keys.report,
        ]
        return int(await self._store.run(_SETTLE, names, args))

    async def unseen(self, seen: Collection[str], *, idle_ms: int) -> list[Claimed]:
        """Return entries that this worker holds without knowing: the answer that brought them was lost on the way.

        Args:
            seen: ids of all that it knows it holds.
            idle_ms: how long ago they must have been claimed, so that answers on their way do not count as lost.

        Raises:
            StoreUnavailableError: the store does not answer.
        """
        redis, stream = self._store.redis, self._keys.stream
        held = await self._store.guarded(
            redis.xpending_range(stream, GROUP, "-", "+", len(seen) + 100, self._worker, idle_ms)
        )
        lost = [entry["message_id"] for entry in held if entry["message_id"].decode() not in seen]
        if not lost:
            return []
        found = await self._store.guarded(redis.xclaim(stream, GROUP, self._worker, 0, lost))
        tries = await self._store.guarded(redis.hmget(self._keys.tries, lost))
        tried = dict(zip(lost, tries, strict=True))
        return [
            Claimed(entry_id.decode(), _decoded(fields.get(b"e", b"")), int(tried.get(entry_id) or 0))
            for entry_id, fields in found
        ]

    async def leave(self) -> int:
        """Give back all that this worker holds here; returns how many entries that were.

        Raises:
            StoreUnavailableError: the store does not answer; others will notice this worker's silence.
        """
        keys = self._keys
        return int(await self._store.run(_LEAVE, [keys.stream, keys.parked], [GROUP, self._worker]))

    async def page(self, after: str, most: int) -> list[Claimed]:
        """Return entries that have not ended, in their order, without claiming them; their tries are not told.

        Args:
            after: the id after which to begin; empty: with the oldest.
            most: how many.

        Raises:
            StoreUnavailableError: the store does not answer.
        """
        start = f"({after}" if after else "-"
        found = await self._store.guarded(self._store.redis.xrange(self._keys.stream, start, "+", count=most))
        return [Claimed(entry_id.decode(), _decoded(fields.get(b"e", b"")), 0) for entry_id, fields in found]

    async def asks_due(self, most: int = 20) -> list[str]:
        """Return references that the vendor is to be asked about now, and that nobody else will ask meanwhile.

        They are kept until ``Answered`` or ``AskedAgain`` settles them; without, they come again in two minutes.

        Raises:
            StoreUnavailableError: the store does not answer.
        """
        found = await self._store.run(_ASKS, [self._keys.asks, self._keys.clock], [most, ASK_LEASE_MS])
        return [reference.decode() for reference in found]

    async def waiting(self) -> int:
        """Return how many entries are not settled yet.

        Raises:
            StoreUnavailableError: the store does not answer.
        """
        return int(await self._store.guarded(self._store.redis.xlen(self._keys.stream)))


def _pairs(found: Any) -> list[tuple[bytes, dict[bytes, bytes]]]:  # RESP2 and RESP3 nest differently
    if found and isinstance(found[0], list) and found[0] and isinstance(found[0][0], (list, tuple)):
        return [pair for part in found for pair in part]
    return list(found)


def _claimed(entry_id: bytes, fields: list[bytes], tries: int) -> Claimed:
    return Claimed(entry_id.decode(), _decoded(fields[1]), tries)


def _decoded(raw: bytes) -> Entry | None:
    try:
        return decode(raw)
    except ValueError:
        return None
