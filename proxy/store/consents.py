"""Visitors' consent records and sessions: read together for all requests in flight, changed by one script alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from proxy.attribution import NOTHING_KEPT, Kept, News, read_kept
from proxy.consent import UNREADABLE, Record, Unreadable
from proxy.consent_history import MOST_KEPT, NOTHING_BESIDE, Beside, Proof, read_proof, told
from proxy.signals import Signals, Value
from proxy.store import attributions, withdrawn
from proxy.store.client import Store, script
from proxy.store.commit import GroupCommit
from proxy.store.keys import SESSION_TTL_S, attribution_key, consent_key, history_key, session_key
from proxy.store.wire import Arg

KEPT_LONGER_S = 30 * 86_400
"""A record lives that much longer than a grant counts, so that expired can be told from never."""

_READ = script("read")
_CHANGE = script("consent")
_DENY = script("consent", even_full=True)
"""A store without room takes no new grants; but a visitor's no must reach the entries that wait in it."""
_VALUES = {b"granted": Value.GRANTED, b"denied": Value.DENIED, b"unknown": Value.UNKNOWN, b"": Value.UNKNOWN}


@dataclass(frozen=True, slots=True)
class Ask:
    """What is wanted of one visitor.

    ``touch``: "0" leave the session alone, "1" begin or prolong it if the record grants statistics, "2" also if it
    does not deny them (legitimate interest). ``oldest_ms``: the oldest grant that still counts. ``kept``: what
    brought the visitor is wanted too.
    """

    site: str
    visitor: str
    touch: Literal["0", "1", "2"]
    now_s: int
    oldest_ms: int
    kept: bool = False


@dataclass(frozen=True, slots=True, repr=False)
class Found:
    """What the store holds of a visitor. ``read_at`` is the store's time, ms; ``session_start`` Unix s."""

    record: Record | Unreadable | None
    session_start: int | None
    read_at: int
    kept: Kept = NOTHING_KEPT
    """What brought the visitor, where that was asked for."""


@dataclass(frozen=True, slots=True)
class Changed:
    """A record after a change. ``decided_at`` is the time of its newest decision, ``read_at`` the store's; both ms.

    ``claimed`` is the newest time that any decision in it has claimed, which may be some minutes ahead.
    """

    signals: Signals
    tombstone: bool
    read_at: int
    decided_at: int
    claimed: int


class Consents:
    """The records of all sites' visitors."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._reads: GroupCommit[Ask, Found] = GroupCommit(self._read_group)

    async def read(self, ask: Ask) -> Found:
        """Read one visitor, in one round trip with all who ask at the same time.

        Raises:
            StoreUnavailableError: the store does not answer.
        """
        return await self._reads.submit(ask)

    async def read_many(self, visitors: Sequence[tuple[str, str]], *, kept: bool = False) -> list[Found]:
        """Read the records of (site, visitor) pairs, sessions left alone; with ``kept`` what brought them too.

        Raises:
            StoreUnavailableError: the store does not answer.
        """
        return await self._read_group([Ask(site, visitor, "0", 0, 0, kept) for site, visitor in visitors])

    async def _read_group(self, asks: Sequence[Ask]) -> list[Found]:
        keys: list[str] = []
        args: list[Arg] = [asks[0].now_s, SESSION_TTL_S]
        for ask in asks:
            keys += (consent_key(ask.site, ask.visitor), session_key(ask.site, ask.visitor))
            touch: str = ask.touch
            if ask.kept:
                keys.append(attribution_key(ask.site, ask.visitor))
                touch += "k"
            args += (touch, ask.oldest_ms)
        reply = await self._store.run(_READ, keys, args)
        read_at, told = reply[0], iter(reply[1:])
        return [
            Found(
                parse_record(next(told)),
                int(session) if (session := next(told)) else None,
                read_at,
                read_kept(next(told)) if ask.kept else NOTHING_KEPT,
            )
            for ask in asks
        ]

    async def change(
        self,
        site: str,
        visitor: str,
        stated: Signals,
        *,
        decided_at: int,
        source: str,
        gpc: bool,
        policy_version: str,
        proof: str,
        keep_s: int,
        mode: Literal["decide", "fill", "withdraw"],
        interest: bool,
        denied_before: tuple[int, int, int, int] = (0, 0, 0, 0),
        doubted: frozenset[int] = frozenset(),
        beside: Beside = NOTHING_BESIDE,
    ) -> Changed:
        """Change a visitor's record; see ``scripts/consent.lua`` for the rules, ``docs/consent-states.md`` for the states.

        ``denied_before`` says when each signal was denied under an earlier id or in the refusal cookie: events made
        after that and before the grant are not released by it. ``doubted`` are positions of signals whose grant may
        fill in what is unknown, and raise nothing. ``beside`` goes into the history with the decision.

        Raises:
            StoreUnavailableError: the store does not answer.
        """
        denying = mode == "withdraw" or Value.DENIED in stated.values()
        letters = stated.code()
        if doubted:
            letters = "".join(
                "f" if at in doubted and letter == "g" else letter for at, letter in enumerate(letters)
            )
        code, tombstone, read_at, latest, claimed = await self._store.run(
            _DENY if denying else _CHANGE,
            [
                consent_key(site, visitor),
                session_key(site, visitor),
                history_key(site, visitor),
                attribution_key(site, visitor),
            ],
            [
                letters,
                decided_at,
                source,
                "1" if gpc else "",
                policy_version,
                proof,
                keep_s + KEPT_LONGER_S,
                mode,
                "1" if interest else "",
                ",".join(map(str, denied_before)),
                told(
                    letters if mode != "withdraw" else "dddd",
                    mode=mode,
                    decided_at=decided_at,
                    counts_s=keep_s,
                    source=source,
                    gpc=gpc,
                    policy_version=policy_version,
                    proof=proof,
                    beside=beside,
                ),
                beside.keep_s or keep_s + KEPT_LONGER_S,
                MOST_KEPT,
            ],
        )
        return Changed(Signals.from_code(code.decode()), tombstone == b"1", read_at, latest, claimed)

    async def history(self, site: str, visitor: str) -> list[Proof]:
        """Return what a visitor has decided, as far as it is kept, oldest first.

        Raises:
            StoreUnavailableError: the store does not answer.
        """
        found = await self._store.guarded(self._store.redis.lrange(history_key(site, visitor), 0, -1))
        return [proof for raw in found if (proof := read_proof(raw)) is not None]

    async def begin_session(self, site: str, visitor: str, start_s: int) -> None:
        """Begin the session of a visitor whose id was made a moment ago.

        Raises:
            StoreUnavailableError: the store does not answer.
        """
        await self._store.guarded(
            self._store.redis.set(session_key(site, visitor), start_s, ex=SESSION_TTL_S, nx=True)
        )

    async def keep(self, site: str, visitor: str, news: News) -> None:
        """Keep what brought a visitor, as far as their record grants it at this moment.

        Raises:
            StoreUnavailableError: the store does not answer.
        """
        await attributions.keep(self._store, site, visitor, news)

    async def note(self, site: str, visitor: str) -> None:
        """Note that a visitor has taken something back: what waits of theirs is looked for; see ``withdrawn``."""
        await withdrawn.note(self._store, site, visitor)

    async def close(self) -> None:
        """Finish the reads in flight."""
        await self._reads.close()


def parse_record(fields: bytes | list[bytes]) -> Record | Unreadable | None:
    """Read a record's fields; any value that the published format does not allow makes it unreadable."""
    if fields == b"!":
        return UNREADABLE
    if not fields:
        return None
    assert isinstance(fields, list)  # noqa: S101  # the script returns a list or "!"
    try:
        values = [_VALUES[fields[position]] for position in range(4)]
        decided_at = int(fields[5] or 0)
        if decided_at < 0 or fields[6] not in {b"", b"0", b"1"} or fields[11] not in {b"", b"0", b"1"}:
            return UNREADABLE
        return Record(
            signals=Signals.of(values[0], values[1], values[2], values[3]),
            source=fields[4].decode(),
            decided_at=decided_at,
            gpc=fields[6] == b"1",
            policy_version=fields[7].decode(),
            proof=fields[8].decode(),
            times=_four(fields[9]),
            denied_at=_four(fields[10]),
            tombstone=fields[11] == b"1",
            claimed=_four(fields[12]),
            since=_four(fields[13]),
        )
    except (KeyError, ValueError):
        return UNREADABLE


def _four(text: bytes) -> tuple[int, int, int, int]:
    if not text:
        return (0, 0, 0, 0)
    first, second, third, fourth = map(int, text.split(b","))
    return (first, second, third, fourth)
