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
ASK_LEASE_MS = 120_000
"""How long a reference that was handed out to be asked about is nobody else's to ask."""
_DUE = script("due")
_SETTLE = script("settle")
_ASKS = script("asks")
_LEAVE = script("leave")


@dataclass(slots=True, repr=False)
class Claimed:
    """An entry in hand. ``entry`` is None where its bytes cannot be read. ``tries`` counts earlier attempts."""

    id: str
    entry: Entry | None
    tries: int


@dataclass(frozen=True, slots=True)
class End:
    """Settle it: ``outcome`` for ``reason``; with ``words`` it is kept as a dead letter."""

    id: str
    outcome: Outcome
    reason: str
    words: str | None = None


@dataclass(frozen=True, slots=True)
class Park:
    """Try it again in ``delay_ms``; it is in nobody's hands until then. ``tried``: that was an attempt of its own."""

    id: str
    delay_ms: int
    tried: bool = True


@dataclass(frozen=True, slots=True, repr=False)
class Lower:
    """Replace it by its cookieless form, which goes to the end of the same outbox."""

    id: str
    entry: Entry


@dataclass(frozen=True, slots=True)
class Give:
    """Give it back at once, untried."""

    id: str


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
    """One forwarder's outbox in one partition, as one worker sees it."""

    def __init__(self, store: Store, keys: OutboxKeys, *, site: str, forwarder: str, worker: str) -> None:
        self._store = store
        self._keys = keys
        self._who = f"{site}|{forwarder}"
        self._worker = worker

    async def prepare(self) -> None:
        """Make the stream and its group where they are missing. The group starts at 0: nothing waits unseen.

        Raises:
            StoreUnavailableError: the store does not answer.
        """
        try:
            async with asyncio.timeout(self._store.patience_s):
                await self._store.redis.xgroup_create(self._keys.stream, GROUP, "0", mkstream=True)
        except ResponseError as error:
            if not str(error).startswith("BUSYGROUP"):
                raise StoreUnavailableError(type(error).__name__) from None
        except GONE as error:
            raise StoreUnavailableError(type(error).__name__) from None

    async def due(self, most: int, *, silence_ms: int = 15_000, early_ms: int = 0) -> list[Claimed]:
        """Claim parked entries whose time has come, and what workers silent for ``silence_ms`` left behind.

        Also says that this worker is alive, so call it every few seconds at least. With ``early_ms``, parked entries
        whose time comes within that are claimed too.

        Raises:
            StoreUnavailableError: the store does not answer.
        """
        keys = self._keys
        reply = await self._store.run(
            _DUE,
            [keys.stream, keys.parked, keys.tries, keys.workers],
            [GROUP, self._worker, most, silence_ms, early_ms],
        )
        return [_claimed(entry_id, fields, int(tries)) for entry_id, fields, tries in reply]

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
        args: list[Arg] = [GROUP, self._who, DEAD_LETTER_S]
        for operation in operations:
            match operation:
                case End(entry_id, outcome, reason, None):
                    args += ("end", entry_id, f"{outcome}|{reason}")
                case End(entry_id, outcome, reason, words):
                    args += ("bury", entry_id, f"{outcome}|{reason}", words or "")
                case Park(entry_id, delay_ms, tried):
                    args += ("park", entry_id, delay_ms, int(tried))
                case Lower(entry_id, entry):
                    args += ("lower", entry_id, encode(entry))
                case Give(entry_id):
                    args += ("give", entry_id)
                case AskLater(reference, delay_ms):
                    args += ("ask", reference, delay_ms)
                case AskedAgain(reference, new, delay_ms):
                    args += ("again", reference, new, delay_ms)
                case Answered(reference, refused):
                    args += ("answer", reference, refused)
        names = [keys.stream, keys.parked, keys.tries, keys.dead, keys.asks, keys.counts]
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
        """Give back all that this worker holds, and be no worker any more; returns how many entries that were.

        Raises:
            StoreUnavailableError: the store does not answer; others will notice this worker's silence.
        """
        keys = self._keys
        return int(
            await self._store.run(_LEAVE, [keys.stream, keys.parked, keys.workers], [GROUP, self._worker])
        )

    async def asks_due(self, most: int = 20) -> list[str]:
        """Return references that the vendor is to be asked about now, and that nobody else will ask meanwhile.

        They are kept until ``Answered`` or ``AskedAgain`` settles them; without, they come again in two minutes.

        Raises:
            StoreUnavailableError: the store does not answer.
        """
        found = await self._store.run(_ASKS, [self._keys.asks], [most, ASK_LEASE_MS])
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
