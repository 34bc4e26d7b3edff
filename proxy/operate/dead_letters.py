"""``sayso dead-letters``: what vendors refused for good, and what to do with it. Nothing personal is ever shown."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from proxy.operate.desk import Desk, MistakeError, Work
from proxy.operate.letters import Brief, Outbox, discard, find, letter_ids, letters, outboxes, parse_id, retry
from proxy.operate.shown import as_json, as_table, counted, time_of

_HEAD: Final = ("ID", "WHEN", "EVENT", "MODE", "OUTCOME", "REASON", "THE VENDOR'S WORDS")
_TIMES: Final = frozenset({"at", "accepted_at", "consent_read_at"})


@dataclass(frozen=True, slots=True)
class Scope:
    """Which letters are meant: those of a site, a forwarder, both, or all of them."""

    site: str | None
    forwarder: str | None

    def outboxes(self, desk: Desk) -> list[Outbox]:
        """Return their outboxes.

        Raises:
            MistakeError: there is no such site or forwarder.
        """
        return outboxes(desk, desk.chosen_links(self.site, self.forwarder))


def listing(scope: Scope, *, json: bool) -> Work:
    """Make the work of ``sayso dead-letters list``."""

    async def work(desk: Desk) -> str:
        # Only what is shown is kept: there may be very many, each with its whole entry.
        found = [letter.brief() for outbox in scope.outboxes(desk) async for letter in letters(desk, outbox)]
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
    word: Literal["retry", "discard"], named: Sequence[str], scope: Scope, *, every: bool, dry_run: bool
) -> Work:
    """Make the work of ``sayso dead-letters retry`` and ``discard``: on some letters by id, or on all of a scope."""

    async def work(desk: Desk) -> str:
        scoped = every or scope != Scope(None, None)
        if bool(named) == scoped:
            raise MistakeError(f"say which to {word}: either their IDs, or --site, --forwarder or --all")
        meant = _by_outbox(desk, named) if named else await _in_scope(desk, scope)
        done = 0
        for outbox, stream_ids in meant.items():
            if dry_run:
                done += len(stream_ids)
            elif word == "retry":
                done += await retry(desk, outbox, stream_ids)
            else:
                done += await discard(desk, outbox, stream_ids)
        number = counted(done, "dead letter", "dead letters")
        if dry_run:
            return f"would {word} {number}"
        return f"retried: {number} pending again" if word == "retry" else f"discarded: {number}"

    async def checked(desk: Desk) -> str:
        for one in named:  # all of them before anything is done
            await find(desk, one)
        return await work(desk)

    return checked


def _by_outbox(desk: Desk, named: Sequence[str]) -> dict[Outbox, list[str]]:
    found: dict[Outbox, list[str]] = {}
    for one in dict.fromkeys(named):
        outbox, stream_id = parse_id(desk, one)
        found.setdefault(outbox, []).append(stream_id)
    return found


async def _in_scope(desk: Desk, scope: Scope) -> dict[Outbox, list[str]]:
    return {outbox: await letter_ids(desk, outbox) for outbox in scope.outboxes(desk)}


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
