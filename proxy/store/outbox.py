"""The outbox, taking side: events become entries, durably, deduped and counted, in one script per group."""

from asyncio import Future
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from proxy.chance import hex_id
from proxy.store.client import Store, script
from proxy.store.commit import GroupCommit
from proxy.store.keys import (
    SEEN_TTL_S,
    campaigns_key,
    outbox_keys,
    partition_keys,
    partition_of,
    report_key,
)
from proxy.store.trouble import OutboxFullError
from proxy.store.wire import Arg

_ACCEPT = script("accept")
REPORT_KEEP_S = 400 * 86_400
"""How long the reports' counts are kept, in seconds, if nobody says otherwise."""
_MOST_CAMPAIGNS = 400
"""Campaigns of one day, site and conversion that are told apart in a partition."""
_Shape = tuple[str, tuple[tuple[str, str, bool], ...]]
"""What many events of a group have in common: the site, and of each forwarder name, decision and whether it gets nothing."""
_WEIGH_EVERY = 16
"""Events after which a process looks at the outboxes' bytes again: the bound is overrun by about so many at most."""


@dataclass(slots=True, repr=False)
class Conversion:
    """What the report is told of an event. ``text`` holds lines, as ``accept.lua`` reads them behind the report's number."""

    day: str
    event: str
    text: str


@dataclass(slots=True, repr=False)
class Put:
    """One event on its way into the outbox.

    ``seen`` says whether its id is the client's own, and so may have come before. ``parts`` holds per forwarder its
    name, ``decision|reason``, and the encoded entry or None. ``trail`` is what the audit trail says of it, JSON.
    ``conversion`` is set if the report counts it.
    """

    ref: str
    seen: bool
    site: str
    parts: list[tuple[str, str, bytes | None]]
    trail: bytes = b""
    conversion: Conversion | None = None


class Outbox:
    """Takes events into the forwarders' streams.

    Args:
        store: where they are.
        partitions: how many parts each outbox has.
        most_entries: entries that one part of an outbox holds.
        most_bytes: the same in bytes.
        refuse: whether a request with an event that does not fit is refused; else the event is counted as
            ``outbox_full`` for that forwarder, and goes to the others.
        report_keep_s: how long the reports' counts are kept.
        most_campaigns: those of one day, site and conversion that are told apart in a partition.
    """

    def __init__(
        self,
        store: Store,
        *,
        partitions: int,
        most_entries: int,
        most_bytes: int = 1 << 40,
        refuse: bool = False,
        report_keep_s: int = REPORT_KEEP_S,
        most_campaigns: int = _MOST_CAMPAIGNS,
    ) -> None:
        self._store = store
        self._partitions = partitions
        self._bounds: tuple[Arg, ...] = (SEEN_TTL_S, most_entries, most_bytes)
        self._refuse = "1" if refuse else ""
        self._reports: tuple[Arg, ...] = (report_keep_s, most_campaigns)
        self._groups: list[GroupCommit[Sequence[Put], bytes]] = [
            GroupCommit(partial(self._put_group, partition)) for partition in range(partitions)
        ]
        self._unweighed = [_WEIGH_EVERY] * partitions
        self._streams: dict[tuple[int, str, str], str] = {}
        self._keys = [partition_keys(partition) for partition in range(partitions)]

    async def put(self, events: Sequence[Put]) -> list[bool]:
        """Store the events of one request; True for each that was new, False for a duplicate.

        When it returns, they are durable. Those of one partition are stored together or not at all.

        Raises:
            OutboxFullError: at least one of them is not stored, as an outbox is full.
            StoreUnavailableError: at least one of them is not stored.
        """
        if not events:
            return []
        if self._partitions == 1 or len(events) == 1:
            marks = await self._submit(partition_of(events[0].ref, self._partitions), events)
        else:
            marks = await self._put_apart(events)
        if 50 in marks:  # b"2"
            raise OutboxFullError("an outbox is full")
        return [mark == 49 for mark in marks]  # b"1"

    async def _put_apart(self, events: Sequence[Put]) -> bytes:
        """Store a request's events in their partitions, each of which answers for itself."""
        places: dict[int, list[int]] = {}
        for place, event in enumerate(events):
            places.setdefault(partition_of(event.ref, self._partitions), []).append(place)
        futures = [
            self._submit(partition, [events[place] for place in some]) for partition, some in places.items()
        ]
        marks = bytearray(len(events))
        for some, future in zip(places.values(), futures, strict=True):
            for place, mark in zip(some, await future, strict=True):
                marks[place] = mark
        return bytes(marks)

    def _submit(self, partition: int, events: Sequence[Put]) -> Future[bytes]:
        size = 0
        for event in events:
            for _, _, entry in event.parts:
                if entry is not None:
                    size += len(entry)
        return self._groups[partition].submit(events, weight=len(events), size=size)

    async def _put_group(self, partition: int, requests: Sequence[Sequence[Put]]) -> list[bytes]:
        names = self._keys[partition]
        streams: list[str] = []
        seen: list[str] = []
        reports: dict[tuple[str, str, str], int] = {}
        numbers: dict[tuple[str, str], int] = {}
        shapes: dict[_Shape, int] = {}
        shape_args: list[Arg] = []
        args: list[Arg] = []
        for puts in requests:
            args.append(len(puts))
            for put in puts:
                shape = (
                    put.site,
                    tuple([(name, decided, entry is None) for name, decided, entry in put.parts]),
                )
                number = shapes.get(shape)
                if number is None:
                    number = shapes[shape] = len(shapes) + 1
                    shape_args += self._described(partition, put, streams, numbers)
                told = "" if put.conversion is None else _told(put.site, put.conversion, reports)
                if put.seen:
                    seen.append(names.seen + put.ref)
                    args += (len(seen), number, told)
                else:
                    args += (0, number, told)
                args += [entry for _, _, entry in put.parts if entry is not None]
        head: list[Arg] = [
            *self._bounds,
            len(streams),
            self._refuse,
            self._weigh(partition, sum(map(len, requests))),
            _trail(requests),
            *self._reports,
            len(reports),
            len(shapes),
            *shape_args,
        ]
        group = f"{names.seen}group:{hex_id(8)}"
        told_of = [key for one in reports for key in _report_keys(partition, *one)]
        answer: bytes = await self._store.run(
            _ACCEPT, [names.counts, group, *streams, *seen, *told_of, names.trail], [*head, *args]
        )
        if answer[-1] == 33:  # b"!": something is full, so look at each group's until nothing is
            self._unweighed[partition] = _WEIGH_EVERY
        marks: list[bytes] = []
        at = 0
        for puts in requests:
            marks.append(answer[at : at + len(puts)])
            at += len(puts)
        return marks

    def _described(
        self, partition: int, put: Put, streams: list[str], numbers: dict[tuple[str, str], int]
    ) -> list[Arg]:
        """Return an event's shape as ``accept.lua`` reads it; a stream that is not yet among ``streams`` joins them."""
        told: list[Arg] = [put.site, len(put.parts)]
        for name, decided, entry in put.parts:
            number = 0
            if entry is not None:
                number = numbers.get((put.site, name), 0)
                if not number:
                    streams.append(self._stream(partition, put.site, name))
                    number = numbers[put.site, name] = len(streams)
            told += (name, decided, number)
        return told

    def _weigh(self, partition: int, events: int) -> str:
        """Say whether the outboxes' bytes are to be looked at in this group: it costs, and they grow slowly."""
        self._unweighed[partition] += events
        if self._unweighed[partition] < _WEIGH_EVERY:
            return ""
        self._unweighed[partition] = 0
        return "1"

    def _stream(self, partition: int, site: str, name: str) -> str:
        found = self._streams.get((partition, site, name))
        if found is None:
            found = self._streams[partition, site, name] = outbox_keys(partition, site, name).stream
        return found

    async def close(self) -> None:
        """Finish what is on its way."""
        for group in self._groups:
            await group.close()


def _told(site: str, conversion: Conversion, reports: dict[tuple[str, str, str], int]) -> str:
    """Return what the report is told, with its number in this group."""
    number = reports.setdefault((site, conversion.event, conversion.day), len(reports) + 1)
    return f"{number}\n{conversion.text}"


def _report_keys(partition: int, site: str, event: str, day: str) -> tuple[str, str]:
    return report_key(partition, site, day), campaigns_key(partition, site, event, day)


def _trail(requests: Sequence[Sequence[Put]]) -> bytes:
    """Return what the trail is to say of all events of a group, in their order."""
    told = [put.trail or b"null" for puts in requests for put in puts]
    return b"[%b]" % b",".join(told) if told.count(b"null") < len(told) else b""
