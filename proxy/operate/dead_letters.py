"""``sayso dead-letters``: what vendors refused for good, and what to do with it. Nothing personal is ever shown."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from proxy.operate.desk import Desk, MistakeError, Work
from proxy.operate.letters import Letter, Outbox, discard, find, letters, outboxes, parse_id, retry
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
        found = [letter for outbox in scope.outboxes(desk) async for letter in letters(desk, outbox)]
        found.sort(key=lambda letter: (letter.at, letter.id))
        if json:
            return as_json({"dead_letters": [letter.brief() for letter in found]})
        return as_table(_HEAD, [_cells(letter) for letter in found]) if found else "no dead letters"

    return work


def show(letter_id: str, *, json: bool) -> Work:
    """Make the work of ``sayso dead-letters show``."""

    async def work(desk: Desk) -> str:
        whole = (await find(desk, letter_id)).whole()
        return as_json(whole) if json else "\n".join(_line(name, value) for name, value in whole.items())

    return work


def act(
    word: Literal["retry", "discard"], letter_ids: Sequence[str], scope: Scope, *, every: bool, dry_run: bool
) -> Work:
    """Make the work of ``sayso dead-letters retry`` and ``discard``: on some letters by id, or on all of a scope."""

    async def work(desk: Desk) -> str:
        scoped = every or scope != Scope(None, None)
        if bool(letter_ids) == scoped:
            raise MistakeError(f"say which to {word}: either their IDs, or --site, --forwarder or --all")
        meant = _by_outbox(desk, letter_ids) if letter_ids else await _in_scope(desk, scope)
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
        for one in letter_ids:  # all of them before anything is done
            await find(desk, one)
        return await work(desk)

    return checked


def _by_outbox(desk: Desk, letter_ids: Sequence[str]) -> dict[Outbox, list[str]]:
    found: dict[Outbox, list[str]] = {}
    for one in dict.fromkeys(letter_ids):
        outbox, stream_id = parse_id(desk, one)
        found.setdefault(outbox, []).append(stream_id)
    return found


async def _in_scope(desk: Desk, scope: Scope) -> dict[Outbox, list[str]]:
    return {
        outbox: [letter.stream_id async for letter in letters(desk, outbox)]
        for outbox in scope.outboxes(desk)
    }


def _cells(letter: Letter) -> tuple[str, ...]:
    return (
        letter.id,
        time_of(letter.at),
        letter.event,
        letter.mode,
        letter.outcome,
        letter.reason,
        letter.words,
    )


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
