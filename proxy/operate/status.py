"""``sayso status``: how each forwarder is, what waits, how everything ended so far, and whether the sum adds up."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Literal

from proxy.delivery.backoff import State
from proxy.delivery.pace import Pace
from proxy.delivery.states import ORDERS, STATES, LinkState, parse_states
from proxy.operate.desk import Desk, Work
from proxy.operate.outboxes import removed_links
from proxy.operate.shown import as_json, as_table, counted, length_of, one_line, time_of
from proxy.reasons import Outcome
from proxy.scrub import scrub_text
from proxy.store.client import Store
from proxy.store.keys import outbox_keys, partition_keys

_HEAD: Final = (
    "SITE",
    "FORWARDER",
    "STATE",
    "RECEIVED",
    "DELIVERED",
    "DROPPED",
    "REJECTED",
    "EXPIRED",
    "PENDING",
    "SUM",
    "OLDEST",
    "DEAD LETTERS",
)

_SILENCE_MS: Final = Pace().silence_ms

How = Literal["running", "paused", "failing", "stopped", "removed"]


@dataclass(slots=True)
class Row:
    """One forwarder of a site. Counts are of all time; ``since`` is Unix ms, None where nothing is the matter.

    ``state`` is ``stopped`` while no delivering process is alive, and ``removed`` if the forwarder is not configured any
    more. ``paused_by`` says whose pause it is.
    """

    site: str
    forwarder: str
    state: How = "stopped"
    paused_by: Literal["operator", "vendor"] | None = None
    words: str = ""
    since: int | None = None
    received: int = 0
    delivered: int = 0
    dropped: int = 0
    rejected: int = 0
    expired: int = 0
    pending: int = 0
    adds_up: bool = True
    oldest_seconds: float = 0.0
    dead_letters: int = 0


@dataclass(slots=True)
class _Seen:
    """What the partitions said, together."""

    received: Counter[tuple[str, str]] = field(default_factory=Counter)
    outcomes: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    workers: set[bytes] = field(default_factory=set)


def status(*, json: bool) -> Work:
    """Make the work of ``sayso status``."""

    async def work(desk: Desk) -> str:
        workers, rows = await look(desk)
        if json:
            body = {"delivery_processes": workers, "adds_up": all(row.adds_up for row in rows)}
            return as_json({**body, "forwarders": [asdict(row) for row in rows]})
        return _text(workers, rows)

    return work


async def look(desk: Desk) -> tuple[int, list[Row]]:
    """Return how many delivering processes are alive, every configured forwarder, and what removed ones have left.

    Each partition is read at one moment, so the sum adds up at any time, not only at a quiet one.

    Raises:
        StoreUnavailableError: the store does not answer.
    """
    rows = [Row(site.name, link.name) for site, link in desk.chosen_links(None, None)]
    rows += [Row(site, forwarder, "removed") for site, forwarder in await removed_links(desk)]
    seen = _Seen()
    for partition in desk.partitions:
        await _read(desk.store, partition, rows, seen)
    for row in rows:
        who = (row.site, row.forwarder)
        row.received = seen.received[who]
        row.delivered = seen.outcomes[*who, Outcome.DELIVERED]
        row.dropped = seen.outcomes[*who, Outcome.DROPPED]
        row.rejected = seen.outcomes[*who, Outcome.REJECTED]
        row.expired = seen.outcomes[*who, Outcome.EXPIRED]
        ended = row.delivered + row.dropped + row.rejected + row.expired
        row.adds_up = row.received == ended + row.pending
    await _add_states(desk.store, rows, alive=bool(seen.workers))
    return len(seen.workers), rows


async def _read(store: Store, partition: int, rows: list[Row], seen: _Seen) -> None:
    common = partition_keys(partition)
    async with store.redis.pipeline(transaction=True) as pipe:
        pipe.time()
        pipe.hgetall(common.counts)
        pipe.zrange(common.workers, 0, -1, withscores=True)
        for row in rows:
            keys = outbox_keys(partition, row.site, row.forwarder)
            pipe.xlen(keys.stream)
            pipe.xrange(keys.stream, count=1)
            pipe.xlen(keys.dead)
        clock, counts, workers, *found = await store.guarded(pipe.execute())
    now_ms = clock[0] * 1000 + clock[1] // 1000
    _add_counts(counts, seen)
    seen.workers |= {name for name, at in workers if abs(now_ms - at) <= _SILENCE_MS}
    for at, row in enumerate(rows):
        waiting, oldest, dead = found[3 * at : 3 * at + 3]
        row.pending += waiting
        row.dead_letters += dead
        age_ms = now_ms - int(oldest[0][0].partition(b"-")[0]) if oldest else 0
        row.oldest_seconds = max(row.oldest_seconds, age_ms / 1000)


def _add_counts(counts: Mapping[bytes, bytes], seen: _Seen) -> None:
    for name, value in counts.items():
        match name.decode().split("|"):
            case ["f", site, forwarder]:
                seen.received[site, forwarder] += int(value)
            case ["o", site, forwarder, outcome, _]:
                seen.outcomes[site, forwarder, outcome] += int(value)
            case _:  # decisions and the like, which are not part of the sum
                continue


async def _add_states(store: Store, rows: list[Row], *, alive: bool) -> None:
    async with store.redis.pipeline(transaction=True) as pipe:
        pipe.time()
        pipe.hgetall(STATES)
        pipe.hgetall(ORDERS)
        clock, fields, orders = await store.guarded(pipe.execute())
    found = {(one.site, one.forwarder): one for one in parse_states(fields, clock[0] * 1000)}
    for row in rows:
        state = found.get((row.site, row.forwarder))
        ordered: Any = orders.get(f"{row.site}|{row.forwarder}".encode())
        _set_state(row, state, ordered=ordered == b"pause", alive=alive)


def _set_state(row: Row, found: LinkState | None, *, ordered: bool, alive: bool) -> None:
    """Say how a forwarder is. An operator's pause stands from the moment it is ordered, whoever runs."""
    if row.state == "removed":
        return
    state = State.HELD if ordered else (found.state if found is not None else State.RUNNING)
    if state is State.RUNNING or (state is State.HELD and not ordered):  # resumed, though not yet obeyed
        row.state = "running" if alive else "stopped"
        return
    row.state = "failing" if state is State.FAILING else "paused"
    if row.state == "paused":
        row.paused_by = "operator" if state is State.HELD else "vendor"
    if found is not None:
        row.words = one_line(scrub_text(found.words))
        row.since = found.since


def _text(workers: int, rows: list[Row]) -> str:
    lines = [f"{counted(workers, 'delivering process', 'delivering processes')} alive"]
    if not workers:
        lines = ["no delivering process is alive: events are stored, and nothing is sent"]
    lines.append("")
    lines.append(as_table(_HEAD, [_cells(row) for row in rows]))
    for row in rows:
        if row.state in {"paused", "failing"}:
            by = f" by the {row.paused_by}" if row.paused_by is not None else ""
            since = f" since {time_of(row.since)}" if row.since else ""
            said = f": {row.words}" if row.words else ""
            lines += ["", f"{row.site} {row.forwarder} is {row.state}{by}{since}{said}"]
    lines += [
        line
        for row in rows
        if row.state == "removed"
        for line in (
            "",
            f"{row.site} {row.forwarder} was removed from the configuration: nothing of it is sent any more, what waits"
            f" expires after 72 hours; to end it now: sayso outbox discard {row.site} {row.forwarder}",
        )
    ]
    wrong = [f"{row.site} {row.forwarder}" for row in rows if not row.adds_up]
    if wrong:
        lines += ["", f"THE SUM DOES NOT ADD UP for {', '.join(wrong)}"]
    return "\n".join(lines)


def _cells(row: Row) -> tuple[str, ...]:
    counts = (row.received, row.delivered, row.dropped, row.rejected, row.expired, row.pending)
    return (
        row.site,
        row.forwarder,
        row.state,
        *(str(count) for count in counts),
        "adds up" if row.adds_up else "WRONG",
        length_of(row.oldest_seconds) if row.pending else "-",
        str(row.dead_letters),
    )
