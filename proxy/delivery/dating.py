"""No event is dated later than now when it leaves: clocks may have been put back, or be ahead of the vendor's. Pure.

What the vendor's clock says is known from the ``Date`` of its answers. Vendors refuse events from their future for good
(Meta: Server Event Parameters, ``event_time``), and it is their clock by which they judge.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from forwarders.base import Forwarder
from proxy.delivery.backoff import parse_date
from proxy.delivery.triage import Full, InHand, Ping, undated

RESOLUTION_MS: Final = 1000
"""``Date`` holds whole seconds, so the vendor's clock may be that much ahead of it."""


class VendorTime:
    """The latest that it can be by a vendor's clock, from the dates of its answers. Until there was one, nobody knows."""

    def __init__(self) -> None:
        self._offset_ms: int | None = None
        self._text = ""
        self._date_ms: int | None = None

    def learn(self, headers: Mapping[str, str], asked_s: float) -> int | None:
        """Take note of an answer; return its date, Unix ms, if it bears one.

        Args:
            headers: the answer's, names in lower case.
            asked_s: when its request was begun, monotonic seconds.
        """
        text = headers.get("date", "")
        if text != self._text:  # a second's answers share their date
            self._text, self._date_ms = text, parse_date(text)
        if self._date_ms is None:
            return None
        offset_ms = self._date_ms + RESOLUTION_MS - int(asked_s * 1000)
        known_ms = self._offset_ms
        # Each answer says it to a second or so; of those that agree, the one that says least is the nearest to the truth.
        if known_ms is None or not offset_ms - RESOLUTION_MS <= known_ms <= offset_ms:
            self._offset_ms = offset_ms
        return self._date_ms

    def latest_ms(self, now_ms: int, monotonic_s: float) -> int:
        """Return the latest time that an event may bear now, Unix ms: ours, or the vendor's where that is behind."""
        return now_ms if self._offset_ms is None else min(now_ms, self._offset_ms + int(monotonic_s * 1000))


def dated(entries: Sequence[InHand], forwarder: Forwarder, latest_ms: int) -> list[InHand]:
    """Return entries of which none tells a time later than ``latest_ms``; the same objects where none did.

    Raises:
        What a mapping may raise: the forwarder could not read its own ids.
    """
    return [
        _dated_full(one, forwarder, latest_ms) if isinstance(one, Full) else _dated_ping(one, latest_ms)
        for one in entries
    ]


def _dated_full(one: Full, forwarder: Forwarder, latest_ms: int) -> Full:
    taken_ms = one.entry.accepted_ms
    # It may have grown old since it was claimed: while it waited for a slot, or for the store.
    event = undated(one.event, one.entry, forwarder, latest_ms)
    ids = forwarder.dated(event.ids, taken_ms, latest_ms) if taken_ms > latest_ms else event.ids
    if event.time_ms <= latest_ms and ids is event.ids:
        return one if event is one.event else replace(one, event=event)
    return replace(one, event=replace(event, time_ms=min(event.time_ms, latest_ms), ids=ids))


def _dated_ping(one: Ping, latest_ms: int) -> Ping:
    """Date a ping: it bears no time, but its random id ends, as Google's own do, with the second of its making."""
    latest_s = latest_ms // 1000
    number, dot, made_s = one.event.random_id.partition(".")
    if not dot or not made_s.isdecimal() or int(made_s) <= latest_s:
        return one
    return replace(one, event=replace(one.event, random_id=f"{number}.{latest_s}"))
