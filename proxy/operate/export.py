"""``sayso consent export``: everything that is held of a visitor, as they may ask for it."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import orjson

from proxy.assemble import now_ms
from proxy.consent import Record, Unreadable
from proxy.consent_record import records_of
from proxy.gateway.consent_export import meanings, recipients
from proxy.held import Held, held_of, look_through
from proxy.identity import Visitor
from proxy.operate.consent import visitor_of
from proxy.operate.desk import Desk, MissingError, Work
from proxy.operate.shown import as_json, counted, signals_of
from proxy.signals import ALL_UNKNOWN
from proxy.site import Notice, Site, SitePolicy, VisitorCookie
from proxy.store.consents import Consents
from proxy.store.counted import links_in
from proxy.store.keys import partition_keys

_MODE: Final = 0o600
"""Nobody else on the machine reads what is held of somebody."""


def export(visitor: str, site: str | None, *, lines: bool, output: Path | None) -> Work:
    """Make the work of ``sayso consent export``: of one site, or of all of which something is in the store.

    Args:
        visitor: the id, or the value of the id cookie.
        site: its name; None is all.
        lines: one JSON object per line, in place of one for all.
        output: a file to write to, in place of printing.
    """

    async def work(desk: Desk) -> str:
        who = visitor_of(visitor)
        sites = [await _of_site(desk, who, *one) for one in await _places(desk, site)]
        head = {"exported_at": now_ms(), "visitor": who.id}
        text = "\n".join(_lines(head, sites)) if lines else as_json({**head, "sites": sites})
        if output is None:
            return text
        _write(output, text + "\n")
        return f"{counted(len(sites), 'site', 'sites')} written to {output}"

    return work


async def _places(desk: Desk, site: str | None) -> list[tuple[Site, set[tuple[int, str]]]]:
    """Return the chosen sites and the outboxes of each, those of removed sites and forwarders too."""
    sites = {one.name: one for one in desk.chosen_sites(site)}
    outboxes = {
        name: {(partition, link.name) for partition in desk.partitions for link in one.links}
        for name, one in sites.items()
    }
    for partition in desk.partitions:
        counts = await desk.store.guarded(desk.store.redis.hkeys(partition_keys(partition).counts))
        for name, forwarder in links_in(counts):
            if site is None or name == site:
                sites.setdefault(name, _removed(name))
                outboxes.setdefault(name, set()).add((partition, forwarder))
    return [(one, outboxes[name]) for name, one in sites.items()]


async def _of_site(desk: Desk, who: Visitor, site: Site, outboxes: set[tuple[int, str]]) -> dict[str, object]:
    held = await held_of(Consents(desk.store), site.name, who.id)
    await look_through(held, desk.store, site.name, who.id, sorted(outboxes))
    return {
        "site": site.name,
        "state": _state(held),
        "session_start": held.session_start,
        "attribution": held.kept.shown(),
        "records": records_of(site, who.id, held.history),
        "events": [one.shown() for one in held.entries],
        "recipients": recipients(site, held),
        "cookies": meanings(site),
        "left_out": held.left_out,
    }


def _state(held: Held) -> dict[str, object]:
    record = held.record
    if isinstance(record, Unreadable):
        return {"record": "unreadable"}
    if not isinstance(record, Record):
        return {"record": "absent", **signals_of(ALL_UNKNOWN)}
    return {
        "record": "found",
        **signals_of(record.signals),
        "source": record.source,
        "decided_at": record.decided_at,
        "gpc": record.gpc,
        "policy_version": record.policy_version,
        "proof": record.proof,
        "tombstone": record.tombstone,
    }


def _lines(head: dict[str, object], sites: list[dict[str, object]]) -> Iterator[str]:
    """Write one object per line: each says what ``kind`` it is of, and at which site."""

    def line(kind: str, site: object, body: object) -> str:
        return orjson.dumps({"kind": kind, "site": site, **head, kind: body}).decode()

    for one in sites:
        name = one["site"]
        records, events = one["records"], one["events"]
        assert isinstance(records, list)  # noqa: S101  # for the type checker
        assert isinstance(events, list)  # noqa: S101  # likewise
        yield line("state", name, {key: one[key] for key in one if key not in {"site", "records", "events"}})
        for record in records:
            yield line("record", name, record)
        for event in events:
            yield line("event", name, event)


def _write(path: Path, text: str) -> None:
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _MODE)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            os.fchmod(file.fileno(), _MODE)
            file.write(text)
    except OSError as error:
        raise MissingError(f"cannot write {path}: {error.strerror}") from None


def _removed(name: str) -> Site:
    """Stand in for a site that is configured no more, but of which something is in the store."""
    policy = SitePolicy("", "", False, 0, False, False, frozenset(), 0)  # nothing is allowed
    cookie = VisitorCookie("_sayso", 0, 0)
    return Site(name, (), "/", frozenset(), frozenset(), (), cookie, policy, (), notice=Notice())
