"""``sayso dead-letters``: what vendors refused for good, and what to do with it. Nothing personal is ever shown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from proxy.operate.desk import Desk, MistakeError, Work
from proxy.operate.letters import Brief, discard, find, letter_ids, letters, parse_id, retry
from proxy.operate.outboxes import Outbox, outboxes
from proxy.operate.progress import progress
from proxy.operate.shown import as_json, as_table, counted, time_of

_HEAD: Final = ("ID", "WHEN", "EVENT", "MODE", "OUTCOME", "REASON", "THE VENDOR'S WORDS")
_TIMES: Final = frozenset({"at", "accepted_at", "consent_read_at"})


@dataclass(frozen=True, slots=True)
class Scope:
    """Which letters are meant: those of a site, a forwarder, both, or all of them."""

    site: str | None
    forwarder: str | None

    async def outboxes(self, desk: Desk) -> list[Outbox]:
        """Return their outboxes, also what removed forwarders have left.

        Raises:
            MistakeError: there is no such site or forwarder.
            StoreUnavailableError: the store does not answer.
        """
        return await outboxes(desk, self.site, self.forwarder)


def listing(scope: Scope, *, json: bool) -> Work:
    """Make the work of ``sayso dead-letters list``."""

    async def work(desk: Desk) -> str:
        # Only what is shown is kept: there may be very many, each with its whole entry.
        chosen = await scope.outboxes(desk)
        found = [letter.brief() for outbox in chosen async for letter in letters(desk, outbox)]
        found.sort(key=lambda brief: (brief["at"], brief["id"]))
        if json:
            return as_json({"dead_letters": found})
        return as_table(_HEAD, [_cells(brief) for brief in found]) if found else "no dead letters"

    return work


def show(letter_id: str, *, json: bool) -> Work:
    """Make the work of ``sayso dead-letters show``."""

    async def work(desk: Desk) -> str:
        whole = (await find(desk, letter_id)).whole()
        return as_json(whole) if json else "\n".join(_line(name, value) for name, value in whole.items())

    return work


def act(
    word: Literal["retry", "discard"],
    named: Sequence[str],
    scope: Scope,
    *,
    every: bool,
    json: bool,
    dry_run: bool,
) -> Work:
    """Make the work of ``sayso dead-letters retry`` and ``discard``: on some letters by id, or on all of a scope."""

    async def work(desk: Desk) -> str:
        for one in named:  # all of them before anything is done
            await find(desk, one)
        scoped = every or scope != Scope(None, None)
        if bool(named) == scoped:
            raise MistakeError(f"say which to {word}: either their IDs, or --site, --forwarder or --all")
        meant = await (_by_outbox(desk, named) if named else _in_scope(desk, scope))
        orphans = _orphans(meant) if word == "retry" else 0
        if orphans and named:
            raise MistakeError("its forwarder was removed from the configuration: nobody would send it")
        wanted = {outbox: ids for outbox, ids in meant.items() if word == "discard" or not outbox.removed}
        would = sum(map(len, wanted.values()))
        done = stay = 0
        if not dry_run:
            with progress(f"dead letters to {word}", would) as step:
                for outbox, stream_ids in wanted.items():
                    if word == "retry":
                        moved, full = await retry(desk, outbox, stream_ids, step)
                        done, stay = done + moved, stay + full
                    else:
                        done += await discard(desk, outbox, stream_ids, step)
        if json:
            past = {"retry": "retried", "discard": "discarded"}[word]
            body = {past: done, f"would_{word}": would if dry_run else 0}
            return as_json(body | ({"outbox_full": stay, "removed": orphans} if word == "retry" else {}))
        return _said(word, would if dry_run else done, stay, orphans, dry_run=dry_run)

    return work


def _said(word: str, number: int, stay: int, orphans: int, *, dry_run: bool) -> str:
    letters_of = counted(number, "dead letter", "dead letters")
    if dry_run:
        lines = [f"would {word} {letters_of}"]
    else:
        lines = [f"retried: {letters_of} pending again" if word == "retry" else f"discarded: {letters_of}"]
    if stay:
        lines.append(f"{counted(stay, 'stays, as its outbox is', 'stay, as their outbox is')} full")
    if orphans:
        were = counted(orphans, "stays, as its forwarder was", "stay, as their forwarders were")
        lines.append(f"{were} removed from the configuration")
    return "\n".join(lines)


def _orphans(meant: Mapping[Outbox, Sequence[str]]) -> int:
    """Count letters that nobody would send if they were pending again."""
    return sum(len(ids) for outbox, ids in meant.items() if outbox.removed)


async def _by_outbox(desk: Desk, named: Sequence[str]) -> dict[Outbox, list[str]]:
    found: dict[Outbox, list[str]] = {}
    for one in dict.fromkeys(named):
        outbox, stream_id = await parse_id(desk, one)
        found.setdefault(outbox, []).append(stream_id)
    return found


async def _in_scope(desk: Desk, scope: Scope) -> dict[Outbox, list[str]]:
    return {outbox: await letter_ids(desk, outbox) for outbox in await scope.outboxes(desk)}


def _cells(brief: Brief) -> tuple[str, ...]:
    texts = [str(brief[name]) for name in ("id", "event", "mode", "outcome", "reason", "words")]
    return (texts[0], time_of(brief["at"]), *texts[1:])


def _line(name: str, value: object) -> str:
    if isinstance(value, dict):
        text = ", ".join(f"{key} {inner}" for key, inner in value.items())
    elif isinstance(value, list):
        text = ", ".join(map(str, value))
    elif name in _TIMES and isinstance(value, int):
        text = time_of(value)
    else:
        text = "-" if value is None else str(value)
    return f"{name.replace('_', ' ') + ':':<17} {text}"
