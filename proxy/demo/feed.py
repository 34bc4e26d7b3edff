"""What happens to each event, as the live view shows it: the pipeline tells decisions, delivery tells what was sent.

Bounded in memory, gone with the process. Nothing in here is a person's: names of events, decisions, counts, and numbers
under which the twin keeps what it got.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from proxy.pipeline import Told
from proxy.reasons import Decision, Reason
from proxy.signals import SIGNALS
from proxy.twin.recorder import Recorded

MOST = 100
"""Most events and notes kept."""
MOST_ATTEMPTS = 8
"""Most requests remembered for one event and forwarder, the newest."""


class Note(StrEnum):
    """What the visitor, or whoever plays with the demo, did between events."""

    ACCEPT = "accept"
    STATS = "stats"
    REFUSE = "refuse"
    WITHDRAW = "withdraw"
    VISITOR = "visitor"
    META_WORKS = "meta_works"
    META_ERROR = "meta_error"
    META_HANG = "meta_hang"


_LOWERING = frozenset({Note.STATS, Note.REFUSE, Note.WITHDRAW})


class Fate(StrEnum):
    """How far one event has come with one forwarder."""

    NONE = "none"
    WAITING = "waiting"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    RETRY = "retry"
    PAUSED = "paused"
    SILENT = "silent"
    WITHDRAWN = "withdrawn"
    ENDED = "ended"


OPEN = frozenset({Fate.WAITING, Fate.RETRY, Fate.PAUSED, Fate.SILENT})
"""Fates that are not the last."""


@dataclass(slots=True)
class Row:
    """One forwarder's part of a card. ``attempts`` are the twin's numbers of the requests; ``shared`` the events in the last."""

    forwarder: str
    decision: Decision
    reason: Reason
    signal: str | None
    fate: Fate
    status: int = 0
    words: str = ""
    shared: int = 1
    attempts: list[int] = field(default_factory=list)

    def tried(self, seq: int) -> None:
        """Remember a request."""
        if seq and seq not in self.attempts:
            self.attempts.append(seq)
            del self.attempts[:-MOST_ATTEMPTS]

    def view(self) -> dict[str, object]:
        """Return it as JSON."""
        return {
            "forwarder": self.forwarder,
            "decision": self.decision,
            "reason": self.reason,
            "signal": self.signal,
            "state": self.fate,
            "status": self.status,
            "words": self.words,
            "shared": self.shared,
            "attempts": self.attempts,
        }


@dataclass(slots=True)
class Card:
    """One event, or one note where ``rows`` is empty and ``note`` set. ``version`` grows with every change of the feed."""

    key: str
    site: str
    time_ms: int
    name: str = ""
    event_id: str = field(default="", repr=False)
    signals: Mapping[str, str] = field(default_factory=dict)
    gpc: bool = False
    note: Note | None = None
    rows: dict[str, Row] = field(default_factory=dict)
    version: int = 0

    def view(self) -> dict[str, object]:
        """Return it as JSON."""
        shared: dict[str, object] = {"key": self.key, "site": self.site, "time": self.time_ms}
        if self.note is not None:
            return {**shared, "kind": "note", "note": self.note}
        return {
            **shared,
            "kind": "event",
            "name": self.name,
            "signals": self.signals,
            "gpc": self.gpc,
            "rows": [row.view() for row in self.rows.values()],
        }


class Feed:
    """The newest cards, and the way to wait for changes.

    Args:
        recorded: finds a request that the twin keeps, by its number.
    """

    def __init__(self, recorded: Callable[[int], Recorded | None]) -> None:
        self._recorded = recorded
        self._cards: dict[str, Card] = {}
        self._version = 0
        self._notes = 0
        self._changed = asyncio.Event()

    # --- what is told -------------------------------------------------------------------------------------------

    def told(self, told: Told) -> None:
        """Take the decisions on a new event. One that was told before is a repetition and changes nothing."""
        if told.ref in self._cards:
            return
        rows = {
            name: Row(
                name,
                decided.decision,
                decided.reason,
                decided.signal,
                Fate.NONE if decided.decision is Decision.DROP else Fate.WAITING,
            )
            for name, decided in told.decided
        }
        signals = {
            signal.value: value for signal, value in zip(SIGNALS, told.state.signals.values(), strict=True)
        }
        card = Card(
            told.ref, told.site, told.now_ms, told.name, told.event_id, signals, told.state.gpc, None, rows
        )
        self._put(card)

    def sent(
        self,
        _site: str,
        forwarder: str,
        refs: Sequence[str],
        mode: str,
        status: int,
        headers: Mapping[str, str],
    ) -> None:
        """Take a vendor's answer to a request with the events ``refs``."""
        number = headers.get("x-twin-seq", "")
        seq = int(number) if number.isdecimal() else 0
        for row, card in self._rows(refs, forwarder):
            if mode == Decision.COOKIELESS and row.decision is Decision.FULL:
                row.decision, row.reason = Decision.COOKIELESS, Reason.WITHDRAWN
            row.status, row.shared = status, len(refs)
            row.fate, row.words = _fate_of(status, self._recorded(seq))
            row.tried(seq)
            self._touch(card)

    def silent(self, record: Recorded) -> None:
        """Take a request that the twin leaves without an answer. Its events are told by their ids in it."""
        text = record.text
        for card in self._cards.values():
            row = card.rows.get(record.vendor)
            if row is not None and row.fate in OPEN and card.event_id and card.event_id in text:
                row.fate, row.status = Fate.SILENT, 0
                row.tried(record.seq)
                self._touch(card)

    def held_back(self, ref: str, forwarder: str) -> None:
        """Take that an event left a forwarder's outbox without having been sent."""
        for row, card in self._rows([ref], forwarder):
            if row.fate in OPEN:
                row.fate = Fate.WITHDRAWN if self._lowered_since(card) else Fate.ENDED
                self._touch(card)

    def note(self, note: Note, site: str) -> None:
        """Put a note between the cards."""
        self._notes += 1
        self._put(Card(f"note-{self._notes}", site, time.time_ns() // 1_000_000, note=note))

    # --- what is shown ------------------------------------------------------------------------------------------

    @property
    def version(self) -> int:
        """The number of the last change."""
        return self._version

    def since(self, version: int) -> list[Card]:
        """Return the cards that changed after a version, oldest change first."""
        found = [card for card in self._cards.values() if card.version > version]
        return sorted(found, key=lambda card: card.version)

    def open_rows(self) -> list[tuple[str, str, str]]:
        """Return site, forwarder and ref of every row that is not at its end."""
        return [
            (card.site, row.forwarder, card.key)
            for card in self._cards.values()
            for row in card.rows.values()
            if row.fate in OPEN
        ]

    async def changed(self, version: int) -> None:
        """Wait until there is a change after a version; returns at once if there has been one."""
        while self._version <= version:
            await self._changed.wait()

    # --- inside -------------------------------------------------------------------------------------------------

    def _rows(self, refs: Iterable[str], forwarder: str) -> Iterable[tuple[Row, Card]]:
        for ref in refs:
            card = self._cards.get(ref)
            row = card.rows.get(forwarder) if card is not None else None
            if card is not None and row is not None:
                yield row, card

    def _lowered_since(self, event: Card) -> bool:
        """Tell whether the visitor took consent back after this event."""
        return any(
            card.note in _LOWERING and card.site == event.site and card.time_ms >= event.time_ms
            for card in self._cards.values()
        )

    def _put(self, card: Card) -> None:
        self._cards[card.key] = card
        while len(self._cards) > MOST:
            del self._cards[next(iter(self._cards))]
        self._touch(card)

    def _touch(self, card: Card) -> None:
        self._version += 1
        card.version = self._version
        waited_for, self._changed = self._changed, asyncio.Event()
        waited_for.set()


def _fate_of(status: int, record: Recorded | None) -> tuple[Fate, str]:
    """Read an answer by its status; the vendor's words are what the twin found wrong."""
    words = "; ".join(record.errors) if record is not None else ""
    words = words or f"HTTP {status}"
    if 200 <= status < 300:
        return Fate.ACCEPTED, ""
    if status in {401, 403}:
        return Fate.PAUSED, words
    if status in {408, 425, 429} or status >= 500:
        return Fate.RETRY, words
    return Fate.REFUSED, words
