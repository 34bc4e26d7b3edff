"""``sayso consent``: a visitor's record as it is stored, and withdrawal on the visitor's behalf."""

from typing import Final

from proxy.assemble import now_ms
from proxy.consent import Record, Unreadable
from proxy.identity import Visitor, parse_visitor
from proxy.operate.desk import Desk, MistakeError, Work
from proxy.operate.shown import as_json, one_line, signals_of, time_of
from proxy.remember import Remember
from proxy.signals import ALL_UNKNOWN
from proxy.store.consents import Consents

SOURCE: Final = "operator"
"""Stands as ``source`` in the records of those who had an operator withdraw for them."""


def get(visitor: str, site: str | None, *, json: bool) -> Work:
    """Make the work of ``sayso consent get``."""

    async def work(desk: Desk) -> str:
        who, sites = visitor_of(visitor), desk.visited_sites(site)
        consents = Consents(desk.store)
        found = await consents.read_many([(one.name, who.id) for one in sites])
        described = [_described(one.name, held.record) for one, held in zip(sites, found, strict=True)]
        return as_json({"records": described}) if json else "\n\n".join(map(_text, described))

    return work


def withdraw(visitor: str, site: str | None, *, json: bool, dry_run: bool) -> Work:
    """Make the work of ``sayso consent withdraw``: at one site, or at all of them.

    A site that has no record of the visitor gets one too: entries may wait there that stand on legitimate interest.
    """

    async def work(desk: Desk) -> str:
        who, sites = visitor_of(visitor), desk.visited_sites(site)
        names = [one.name for one in sites]
        if not dry_run:
            remember = Remember(Consents(desk.store))
            for one in sites:
                await remember.withdraw(one, who, now_ms(), source=SOURCE, gpc=False)
        if json:
            return as_json(
                {"withdrawn": [] if dry_run else names, "would_withdraw": names if dry_run else []}
            )
        where = ", ".join(names)
        if dry_run:
            return f"would withdraw everything at {where}"
        return f"everything is withdrawn at {where}: nothing waiting under this id is sent in full any more"

    return work


def visitor_of(text: str) -> Visitor:
    """Read an id, or the whole value of an id cookie.

    Raises:
        MistakeError: it is neither; it is not repeated, as it may be something personal.
    """
    found = parse_visitor(text)
    if found is None:
        raise MistakeError("VISITOR is an id of 22 characters, or the value of the visitor's id cookie")
    return found


def _described(site: str, record: Record | Unreadable | None) -> dict[str, object]:
    if isinstance(record, Unreadable):
        return {"site": site, "record": "unreadable"}
    signals = ALL_UNKNOWN if record is None else record.signals
    described: dict[str, object] = {"site": site, "record": "absent" if record is None else "found"}
    described |= signals_of(signals)
    if record is not None:
        described |= {
            "source": one_line(record.source),
            "decided_at": record.decided_at,
            "gpc": record.gpc,
            "policy_version": one_line(record.policy_version),
            "proof": one_line(record.proof),
            "tombstone": record.tombstone,
        }
    return described


def _text(described: dict[str, object]) -> str:
    if described["record"] == "unreadable":
        return f"{described['site']}: the record is unreadable: nothing is taken as granted"
    if described["record"] == "absent":
        return f"{described['site']}: no record; the visitor never decided, or it has expired"
    lines = [
        f"  {name}: {_word(name, value)}"
        for name, value in described.items()
        if name not in {"site", "record"}
    ]
    return "\n".join([f"{described['site']}:", *lines])


def _word(name: str, value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name == "decided_at" and isinstance(value, int):
        return time_of(value)
    return str(value) or "-"
