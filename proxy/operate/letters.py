"""Dead letters in the store: reading them without anything personal, trying them again, removing them."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Final, TypedDict

from proxy.entry import Entry
from proxy.event import CookielessEvent, FullEvent
from proxy.operate.desk import Desk, MissingError, MistakeError
from proxy.operate.kept import again, entry_of, paged, pieces
from proxy.operate.outboxes import Outbox, outboxes
from proxy.operate.progress import Step, silent
from proxy.operate.shown import one_line, signals_of
from proxy.quoted import struck
from proxy.reasons import Decision

_KEYED: Final = ("params", "ids", "contact", "user_properties")


class Brief(TypedDict):
    """What a listing says of a dead letter. ``at`` is when the entry ended, Unix ms."""

    id: str
    at: int
    site: str
    forwarder: str
    event: str
    mode: str
    outcome: str
    reason: str
    words: str


@dataclass(frozen=True, slots=True, repr=False)
class Letter:
    """A dead letter. ``entry`` is None where its bytes cannot be read; ``words`` hold nothing of the event."""

    outbox: Outbox
    stream_id: str
    outcome: str
    reason: str
    words: str
    entry: Entry | None

    @property
    def id(self) -> str:
        """Return the name under which operators know it: ``SITE/FORWARDER/PARTITION/TIME-NUMBER``."""
        return f"{self.outbox.site}/{self.outbox.forwarder}/{self.outbox.partition}/{self.stream_id}"

    @property
    def at(self) -> int:
        """Return when the entry ended, Unix ms."""
        return int(self.stream_id.partition("-")[0])

    @property
    def event(self) -> str:
        """Return the event's name."""
        return self.entry.event.name if self.entry is not None else "unreadable"

    @property
    def mode(self) -> str:
        """Return whether it was a full or a cookieless entry."""
        if self.entry is None:
            return "unreadable"
        return Decision.FULL if isinstance(self.entry.event, FullEvent) else Decision.COOKIELESS

    def brief(self) -> Brief:
        """Return what a listing says of it."""
        return {
            "id": self.id,
            "at": self.at,
            "site": self.outbox.site,
            "forwarder": self.outbox.forwarder,
            "event": self.event,
            "mode": self.mode,
            "outcome": self.outcome,
            "reason": self.reason,
            "words": self.words,
        }

    def whole(self) -> dict[str, object]:
        """Return all that can be told without naming anybody: which fields the entry has, the values of harmless ones."""
        entry = self.entry
        if entry is None:
            return {**self.brief()}
        event = entry.event
        return {
            **self.brief(),
            "ref": entry.ref,
            "accepted_at": entry.accepted_ms,
            "consent_read_at": entry.read_at or None,
            "policy_version": entry.policy_version,
            "signals": signals_of(event.signals),
            "explicit": event.explicit,
            "value": event.value,
            "currency": event.currency,
            "fields": list(_filled(event)),
        }


def _filled(event: FullEvent | CookielessEvent) -> Iterator[str]:
    for one in fields(event):
        value = getattr(event, one.name)
        if value is None or value in ("", {}, []):
            continue
        if one.name in _KEYED:
            yield from (f"{one.name}.{key}" for key in sorted(value))
        else:
            yield f"{one.name} ({len(value)})" if one.name == "items" else one.name


async def parse_id(desk: Desk, text: str) -> tuple[Outbox, str]:
    """Read a letter's id.

    Raises:
        MistakeError: it is none, or of a forwarder that there is not.
        StoreUnavailableError: the store does not answer.
    """
    site, forwarder, partition, stream_id = [*text.split("/"), "", "", ""][:4]
    time, _, number = stream_id.partition("-")
    digits = (partition, time, number)
    if text.count("/") != 3 or not all(one.isascii() and one.isdigit() and len(one) < 20 for one in digits):
        raise MistakeError("a dead letter's id is SITE/FORWARDER/PARTITION/TIME-NUMBER, as the list shows it")
    if int(partition) not in desk.partitions:
        raise MistakeError(f"there is no partition {partition}; there are {len(desk.partitions)}")
    found = await outboxes(desk, site, forwarder)
    return found[int(partition)], stream_id


async def letters(desk: Desk, outbox: Outbox) -> AsyncIterator[Letter]:
    """Read an outbox's letters that are there now, oldest first.

    Raises:
        StoreUnavailableError: the store does not answer.
    """
    async for stream_id, letter in _stored(desk, outbox):
        yield _letter(outbox, stream_id, letter)


async def letter_ids(desk: Desk, outbox: Outbox) -> list[str]:
    """Return the ids in the stream of the letters that are there now, oldest first.

    Raises:
        StoreUnavailableError: the store does not answer.
    """
    return [stream_id async for stream_id, _ in _stored(desk, outbox)]


async def newest(desk: Desk, outbox: Outbox, most: int) -> list[Letter]:
    """Return an outbox's letters, newest first, at most so many.

    Raises:
        StoreUnavailableError: the store does not answer.
    """
    found = await desk.store.guarded(desk.store.redis.xrevrange(outbox.keys.dead, count=most))
    return [_letter(outbox, stream_id.decode(), letter) for stream_id, letter in found]


async def _stored(desk: Desk, outbox: Outbox) -> AsyncIterator[tuple[str, Mapping[bytes, bytes]]]:
    """Read up to the letter that is the newest now: a retried one that is refused again is not met twice."""
    redis, key = desk.store.redis, outbox.keys.dead
    newest = await desk.store.guarded(redis.xrevrange(key, count=1))
    if newest:
        async for found in paged(desk, key, "-", newest[0][0].decode()):
            yield found


async def find(desk: Desk, text: str) -> Letter:
    """Return one letter by its id.

    Raises:
        MistakeError: it is no id.
        MissingError: there is none of it (any more).
        StoreUnavailableError: the store does not answer.
    """
    outbox, stream_id = await parse_id(desk, text)
    found = await desk.store.guarded(desk.store.redis.xrange(outbox.keys.dead, stream_id, stream_id))
    if not found:
        raise MissingError(
            f"there is no dead letter {text}: it may have been retried, discarded, or be too old"
        )
    return _letter(outbox, stream_id, found[0][1])


async def retry(
    desk: Desk, outbox: Outbox, stream_ids: Sequence[str], step: Step = silent
) -> tuple[int, int]:
    """Move letters back to the end of their outbox, as if they had not ended.

    Returns how many were moved, and how many stay because the outbox is full. ``step`` is told of each part.

    Raises:
        StoreUnavailableError: the store does not answer; doing it again is safe.
    """
    return await again(desk, outbox, outbox.keys.dead, stream_ids, "", step)


async def discard(desk: Desk, outbox: Outbox, stream_ids: Sequence[str], step: Step = silent) -> int:
    """Remove letters; their outcome stays counted as it was. Returns how many there were.

    Raises:
        StoreUnavailableError: the store does not answer; doing it again is safe.
    """
    removed = 0
    for some in pieces(stream_ids):
        removed += int(await desk.store.guarded(desk.store.redis.xdel(outbox.keys.dead, *some)))
        step(len(some))
    return removed


def _letter(outbox: Outbox, stream_id: str, letter: Mapping[bytes, bytes]) -> Letter:
    entry = entry_of(letter)
    outcome, _, reason = letter.get(b"o", b"").decode(errors="replace").partition("|")
    words = letter.get(b"w", b"").decode(errors="replace")
    return Letter(outbox, stream_id, outcome, reason, one_line(struck(words, entry)), entry)
