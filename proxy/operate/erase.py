"""``sayso consent erase``: what is held of a visitor is deleted, and a receipt says what that was.

What stays under the id is a record without any content: it says that nothing is to be sent in full under it any more. It
is needed while something of this visitor may still turn up (an event that was on its way, an old cookie), and vanishes
by itself.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from proxy.assemble import now_ms
from proxy.consent import Record
from proxy.delivery.clearing import Cleared, Clearing
from proxy.delivery.lowering import lowered
from proxy.entry import Entry
from proxy.event import FullEvent
from proxy.identity import Visitor
from proxy.operate.consent import visitor_of
from proxy.operate.desk import Desk, Work
from proxy.operate.rewriting import Rewriting, rewrite
from proxy.operate.shown import as_json, counted
from proxy.signals import ALL_DENIED
from proxy.site import Link, Site
from proxy.store.claims import SILENCE_MS
from proxy.store.counted import links_in
from proxy.store.erasure import erase_keys, kept_s
from proxy.store.keys import partition_keys

SOURCE: Final = "erased"
"""Stands as ``source`` in what stays."""
AGAIN_S: Final = 3.0
"""Seconds in which an event whose consent was read before the erasure may still be stored."""
_MOST_LOOKS: Final = 5


@dataclass(slots=True)
class _Place:
    """One site in the receipt. ``site`` is None if it is not configured any more, but its entries are there."""

    name: str
    site: Site | None
    forwarders: set[tuple[int, str]] = field(default_factory=set)
    held: dict[str, int] = field(default_factory=dict)
    cleared: Cleared = field(default_factory=Cleared)

    @property
    def keep_s(self) -> int:
        """How long the id may come back, or an entry wait: in seconds, with a day for clocks that differ."""
        return kept_s(self.site.cookie.longest_s if self.site is not None else 0)

    @property
    def total(self) -> int:
        """How many things were held."""
        return sum(self.held.values()) + self.cleared.total

    def described(self) -> dict[str, object]:
        """Return this site's part of the receipt."""
        return {
            "site": self.name,
            **self.held,
            "pending_lowered": self.cleared.lowered,
            "pending_dropped": self.cleared.dropped,
            "dead_letters": self.cleared.dead_letters,
            "sent_copies": self.cleared.sent_copies,
            "empty_record_kept_s": self.keep_s,
        }


def erase(visitor: str, site: str | None, *, json: bool, dry_run: bool) -> Work:
    """Make the work of ``sayso consent erase``: at one site, or at all of which something is in the store."""

    async def work(desk: Desk) -> str:
        who = visitor_of(visitor)
        places = await _places(desk, site)
        for place in places:
            await _records(desk, place, who, dry_run=dry_run)
        rewriting = None
        if dry_run:
            await _look(desk, places, who, dry_run=True)
        else:
            began = time.monotonic()
            await _look(desk, places, who, dry_run=False)
            for _ in range(_MOST_LOOKS):
                await asyncio.sleep(max(began + AGAIN_S - time.monotonic(), 0.0))
                if not await _look(desk, places, who, dry_run=False):
                    break
            rewriting = await rewrite(desk)
        if json:
            return as_json(_receipt(places, rewriting, dry_run=dry_run))
        return _text(places, rewriting, dry_run=dry_run)

    return work


async def _places(desk: Desk, site: str | None) -> list[_Place]:
    """Return the chosen sites with every forwarder that ever had an entry; without a choice, removed sites too."""
    places = {one.name: _Place(one.name, one) for one in desk.chosen_sites(site)}
    for partition in desk.partitions:
        for place in places.values():
            if place.site is not None:
                place.forwarders |= {(partition, link.name) for link in place.site.links}
        counts = await desk.store.guarded(desk.store.redis.hkeys(partition_keys(partition).counts))
        for name, forwarder in sorted(links_in(counts)):
            if site is None or name == site:
                places.setdefault(name, _Place(name, None)).forwarders.add((partition, forwarder))
    return list(places.values())


async def _records(desk: Desk, place: _Place, who: Visitor, *, dry_run: bool) -> None:
    """Erase the visitor's own keys; from then on nothing is stored or sent in full under the id."""
    place.held = await erase_keys(desk.store, place.name, who.id, keep_s=place.keep_s, dry_run=dry_run)


async def _look(desk: Desk, places: Sequence[_Place], who: Visitor, *, dry_run: bool) -> int:
    """Look through the outboxes once and erase what is there; return how much that was."""
    number = 0
    for place in places:
        links = {link.name: link for link in place.site.links} if place.site is not None else {}
        for partition, forwarder in sorted(place.forwarders):
            judge = partial(_judged, place.site, links.get(forwarder), now_ms())
            clearing = Clearing(desk.store, place.name, forwarder, partition, judge, silence_ms=SILENCE_MS)
            cleared = await (clearing.count([who.id]) if dry_run else clearing.erase([who.id]))
            place.cleared += cleared
            number += cleared.total
    return number


def _judged(site: Site | None, link: Link | None, at: int, entry: Entry) -> Entry | None:
    """Return the cookieless form of an entry where its forwarder may have one."""
    if site is None or link is None or not isinstance(entry.event, FullEvent):
        return None
    record = Record(ALL_DENIED, SOURCE, at, times=(at,) * 4, denied_at=(at,) * 4, tombstone=True)
    return lowered(record, entry, entry.event, site, link, at)


def _receipt(places: Sequence[_Place], rewriting: Rewriting | None, *, dry_run: bool) -> dict[str, object]:
    receipt: dict[str, object] = {
        "at": now_ms(),
        "dry_run": dry_run,
        "held": sum(place.total for place in places),
        "sites": [place.described() for place in places],
    }
    if rewriting is not None:
        receipt["append_only_file"] = {
            "fate": rewriting.fate,
            "seconds": round(rewriting.seconds, 3),
            "words": rewriting.words,
            "notes": list(rewriting.notes),
        }
    return receipt


def _text(places: Sequence[_Place], rewriting: Rewriting | None, *, dry_run: bool) -> str:
    word = "would erase" if dry_run else "erased"
    lines = [f"{place.name}: {word} {_things(place)}" for place in places if place.total]
    none = [place.name for place in places if not place.total]
    if none:
        lines.append(f"nothing was held at {', '.join(none)}")
    if rewriting is not None:
        lines.append(rewriting.words)
        lines += [f"note: {note}" for note in rewriting.notes]
    return "\n".join(lines)


def _things(place: _Place) -> str:
    cleared = place.cleared
    things = [f"the {name}" for name, number in place.held.items() if number]
    if waiting := cleared.lowered + cleared.dropped:
        things.append(
            f"{counted(waiting, 'pending entry', 'pending entries')} "
            f"({cleared.lowered} made cookieless, {cleared.dropped} dropped)"
        )
    if cleared.dead_letters:
        things.append(counted(cleared.dead_letters, "dead letter", "dead letters"))
    if cleared.sent_copies:
        things.append(counted(cleared.sent_copies, "copy of a sent entry", "copies of sent entries"))
    return ", ".join(things)
