"""``sayso replay``: sends again what was delivered, as when it went to the wrong account, or a vendor lost it.

What is kept of delivered entries is moved back to the end of its outbox. From there it takes the ordinary way: consent is
read again, the age limits hold, and what a vendor recognises by its own key is not counted twice there.
"""

from dataclasses import asdict, dataclass, field
from typing import Final

from proxy.delivery.triage import ends_at
from proxy.operate.desk import Desk, MissingError, MistakeError, Work
from proxy.operate.kept import again, entry_of, paged
from proxy.operate.outboxes import Outbox
from proxy.operate.progress import progress
from proxy.operate.shown import as_json, as_table, counted, time_of
from proxy.operate.span import parse_moment
from proxy.reasons import Outcome, OutcomeReason
from proxy.site import Link, Site

_ENDED: Final = f"{Outcome.DELIVERED}|{OutcomeReason.ACCEPTED}"
_HEAD: Final = ("SITE", "FORWARDER", "SENT AGAIN", "TOO OLD", "KEPT SINCE")


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked for. Times as the operator wrote them; ``yes``: also what the vendor will count twice."""

    since: str
    until: str | None
    site: str | None
    forwarder: str | None
    yes: bool
    dry_run: bool


@dataclass(slots=True)
class Answer:
    """What becomes of one forwarder's delivered entries. ``kept_since`` is Unix ms, None where nothing is kept.

    ``reaches_back``: whether what is kept goes back as far as was asked. ``twice``: those of ``would_send_again`` that the
    vendor does not recognise, and counts twice.
    """

    site: str
    forwarder: str
    sent_again: int = 0
    would_send_again: int = 0
    twice: int = 0
    too_old: int = 0
    unreadable: int = 0
    outbox_full: int = 0
    kept_since: int | None = None
    reaches_back: bool = False


@dataclass(slots=True)
class _Found:
    """A forwarder's answer, and the ids of what goes again, by outbox partition."""

    answer: Answer
    ids: dict[Outbox, list[str]] = field(default_factory=dict)


def replay(request: Request, *, json: bool) -> Work:
    """Make the work of ``sayso replay``."""

    async def work(desk: Desk) -> str:
        links = desk.chosen_links(request.site, request.forwarder)
        hours = desk.settings.delivery.replay_hours
        if not hours:
            raise MissingError("nothing that was delivered is kept: [delivery] replay_hours is 0")
        now_ms = await _now_ms(desk)
        since, until = _period(request, now_ms)
        oldest = now_ms - hours * 3_600_000
        found = [await _survey(desk, site, link, since, until, oldest, now_ms) for site, link in links]
        if not request.dry_run:
            _agree(found, yes=request.yes)
            await _send_again(desk, found)
        answers = [one.answer for one in found]
        if json:
            return as_json({"since": since, "until": until, "forwarders": [asdict(one) for one in answers]})
        return _text(answers, since, dry_run=request.dry_run)

    return work


async def _now_ms(desk: Desk) -> int:
    """Return the store's time, by which deliveries are dated."""
    seconds, micros = await desk.store.guarded(desk.store.redis.time())
    return int(seconds) * 1000 + int(micros) // 1000


def _period(request: Request, now_ms: int) -> tuple[int, int]:
    since = parse_moment(request.since, now_ms)
    until = now_ms if request.until is None else parse_moment(request.until, now_ms)
    if since is None or until is None:
        name = "--since" if since is None else "--until"
        raise MistakeError(f"{name} is how long ago (30m, 2h, 1d), or a time such as 2026-05-17T08:00:00Z")
    if not 0 <= since < until:
        raise MistakeError("--since must lie before --until" if request.until else "--since lies ahead")
    return since, min(until, now_ms)


async def _survey(
    desk: Desk, site: Site, link: Link, since: int, until: int, oldest: int, now_ms: int
) -> _Found:
    """Look at what is kept of one forwarder's deliveries; nothing is changed."""
    found = _Found(Answer(site.name, link.name))
    answer = found.answer
    for partition in desk.partitions:
        outbox = Outbox(site.name, link.name, partition)
        key = outbox.keys.sent
        first = await desk.store.guarded(desk.store.redis.xrange(key, min=oldest, count=1))
        if first:
            begun = int(first[0][0].partition(b"-")[0])
            answer.kept_since = max(answer.kept_since or 0, begun)
        ids = found.ids[outbox] = []
        async for stream_id, fields in paged(desk, key, str(max(since, oldest)), str(until)):
            entry = entry_of(fields)
            if entry is None:
                answer.unreadable += 1
            elif now_ms >= ends_at(entry, link, site.policy):
                answer.too_old += 1
            else:
                ids.append(stream_id)
                answer.twice += not link.forwarder.recognises(entry.event)
        answer.would_send_again += len(ids)
    answer.reaches_back = answer.kept_since is not None and answer.kept_since <= since
    return found


def _agree(found: list[_Found], *, yes: bool) -> None:
    """Refuse to have events counted twice unless the operator wants it so.

    Raises:
        MistakeError: some would be.
    """
    twice = [one.answer for one in found if one.answer.twice]
    if twice and not yes:
        where = ", ".join(f"{one.site} {one.forwarder} {one.twice}" for one in twice)
        raise MistakeError(
            f"these would be counted twice, as nothing in them tells the vendor that it has them already: {where};"
            " with --yes they are sent again all the same, with --forwarder only what you name; nothing was done"
        )


async def _send_again(desk: Desk, found: list[_Found]) -> None:
    with progress("entries to send again", sum(one.answer.would_send_again for one in found)) as step:
        for one in found:
            one.answer.would_send_again = 0
            for outbox, ids in one.ids.items():
                moved, full = await again(desk, outbox, outbox.keys.sent, ids, _ENDED, step)
                one.answer.sent_again += moved
                one.answer.outbox_full += full


def _text(answers: list[Answer], since: int, *, dry_run: bool) -> str:
    lines = [as_table(_HEAD, [_cells(one, dry_run=dry_run) for one in answers])]
    for one in answers:
        who = f"{one.site} {one.forwarder}"
        if one.kept_since is None:
            lines.append(f"{who}: nothing that was delivered is kept")
        elif not one.reaches_back:
            lines.append(
                f"{who}: kept since {time_of(one.kept_since)}, not since {time_of(since)}: what was delivered before"
                " is gone, if there was any"
            )
        if one.outbox_full:
            lines.append(f"{who}: {one.outbox_full} stay as they are, as its outbox is full")
        if one.unreadable:
            lines.append(f"{who}: {one.unreadable} cannot be read")
        if dry_run and one.twice:
            lines.append(f"{who}: {one.twice} of them would be counted twice, and need --yes")
    total = sum(one.would_send_again if dry_run else one.sent_again for one in answers)
    entries = counted(total, "entry", "entries")
    lines.append(f"would send again: {entries}" if dry_run else f"sent again: {entries} pending again")
    return "\n".join(lines)


def _cells(one: Answer, *, dry_run: bool) -> tuple[str, ...]:
    number = one.would_send_again if dry_run else one.sent_again
    since = "-" if one.kept_since is None else time_of(one.kept_since)
    return (one.site, one.forwarder, str(number), str(one.too_old), since)
