"""``sayso doctor``: what is wrong with this installation. It looks at everything it can reach, and changes nothing."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

from proxy.assemble import NotUsableError
from proxy.canary.site import with_canary
from proxy.check import warnings
from proxy.compile import compile_sites
from proxy.delivery.triage import LONGEST_S
from proxy.operate.complaints import Complaint, status_of, written
from proxy.operate.desk import Desk, embedded_url
from proxy.operate.machine import look_at_files, look_at_limits, look_at_listeners
from proxy.operate.shown import counted, length_of
from proxy.operate.status import Row, look
from proxy.settings import ConfigError, Settings, load_settings
from proxy.store.assurance import assess, takes_writes
from proxy.store.client import Store, StoreUnavailableError
from proxy.store.embedded_place import StoreStartError
from proxy.store.keys import PARTITIONS

_OLD_S = LONGEST_S * 2 / 3
_NEARLY = 0.8
_REPEATED = ": start sayso serve first, then ask again"


def doctor(path: Path, *, json: bool) -> tuple[int, str]:
    """Look at an installation; return the exit status (1: something is wrong) and what to print.

    Args:
        path: its configuration.
        json: for machines.
    """
    found = asyncio.run(examine(path))
    return status_of(found), written(found, json=json)


async def examine(path: Path) -> list[Complaint]:
    """Return all that is wrong, unwise or good to know."""
    try:
        settings = load_settings(path)
    except ConfigError as error:
        return [Complaint("configuration", "wrong", str(problem)) for problem in error.problems]
    found = [
        Complaint("configuration", "unwise", f"{one.key}: {one.what}" if one.key else one.what, one.advice)
        for one in warnings(settings)
        if one.key != "store.durability"  # the store itself is asked, below
    ]
    found += look_at_files(path, settings)
    found += look_at_limits(settings)
    return found + await _look_at_what_runs(settings)


async def _look_at_what_runs(settings: Settings) -> list[Complaint]:
    try:
        url = await embedded_url(settings) if settings.store.embedded else str(settings.store.url)
    except (NotUsableError, StoreStartError) as error:
        remedy = "start sayso serve; until then no event is taken, and nothing is sent"
        return [Complaint("store", "wrong", str(error).removesuffix(_REPEATED), remedy)]
    store = Store(url)
    try:
        found = await _look_at_store(settings, store)
        workers = 0
        if all(one.grade != "wrong" for one in found) or await store.ping():
            workers, more = await _look_at_delivery(settings, store)
            found += more
    except StoreUnavailableError as error:
        remedy = "is it there, and does [store] url name it rightly?"
        return [Complaint("store", "wrong", f"it cannot be used: {error}", remedy)]
    finally:
        await store.close()
    return found + await look_at_listeners(settings, delivering=workers > 0)


async def _look_at_store(settings: Settings, store: Store) -> list[Complaint]:
    found: list[Complaint] = []
    said = await store.guarded(store.redis.get(PARTITIONS))
    if said is not None and int(said) != settings.store.partitions:
        what = (
            f"it was set up with partitions = {int(said)}; the configuration says {settings.store.partitions}"
        )
        found.append(Complaint("store", "wrong", what, f"[store] partitions = {int(said)}"))
    found += [
        Complaint("store", "note" if one.severity == "note" else "wrong", one.words, one.remedy)
        for one in await assess(store, settings.store.durability)
    ]
    if (trouble := await takes_writes(store)) and not any(one.grade == "wrong" for one in found):
        found.append(Complaint("store", "wrong", f"it takes no events: {trouble}"))
    return found


async def _look_at_delivery(settings: Settings, store: Store) -> tuple[int, list[Complaint]]:
    settings = with_canary(settings, b"")  # only its names matter here
    workers, rows = await look(Desk(settings, compile_sites(settings), store))
    found: list[Complaint] = []
    if not workers:
        what = "no delivering process is alive: events are stored, and nothing is sent"
        found.append(Complaint("delivery", "wrong", what, "sayso serve, or sayso deliver"))
    most = settings.delivery.max_entries * settings.store.partitions
    for row in rows:
        found += _of_forwarder(row, most, refuses=settings.delivery.when_full == "refuse")
    return workers, found


def _of_forwarder(row: Row, most: int, *, refuses: bool) -> Iterator[Complaint]:
    name = f"{row.site} {row.forwarder}"
    if not row.adds_up:
        yield Complaint("delivery", "wrong", f"{name}: the sum does not add up", "that is a bug: report it")
    if row.state == "removed":
        if row.pending:
            what = f"{name} is not configured any more, but {counted(row.pending, 'entry waits', 'entries wait')}"
            remedy = f"configure it again, or: sayso outbox discard {name}"
            yield Complaint("delivery", "wrong", what, remedy)
        return
    if row.state in {"paused", "failing"}:
        yield _not_running(name, row)
    if row.pending > most * _NEARLY:
        then = "requests for it are refused" if refuses else "new entries are dropped (outbox_full)"
        what = f"{name}: {row.pending} of {most} entries wait; when it is full, {then}"
        yield Complaint("delivery", "wrong", what, "see why it does not keep up; or a higher max_entries")
    if row.pending and row.oldest_seconds > _OLD_S:
        what = f"{name}: its oldest entry has waited {length_of(row.oldest_seconds)}; it expires after 72 h"
        yield Complaint("delivery", "wrong", what, "see sayso status for what the vendor says")
    if row.dead_letters:
        refused = counted(row.dead_letters, "event that it refused", "events that it refused")
        what = f"{name}: {refused} can still be looked at"
        yield Complaint("delivery", "unwise", what, f"sayso dead-letters list --forwarder {row.forwarder}")


def _not_running(name: str, row: Row) -> Complaint:
    said = f": {row.words}" if row.words else ""
    if row.state == "failing":
        return Complaint("delivery", "wrong", f"{name} is failing{said}", "nothing; it is tried by itself")
    if row.paused_by == "operator":
        return Complaint("delivery", "unwise", f"{name} is paused by the operator", f"sayso resume {name}")
    remedy = f"mend what the vendor says, then: sayso resume {name}"
    return Complaint("delivery", "wrong", f"{name} is paused by the vendor{said}", remedy)
