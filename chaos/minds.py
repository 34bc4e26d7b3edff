"""What the site may know of one visitor, while answers get lost: a set of possible states, and what still floats about.

A request without an answer may have been taken, be taken later (by a gateway that is frozen now), or be lost. Until then
it *floats*: its effect is possible at any moment.
"""

from dataclasses import dataclass, field

from chaos.book import Event
from chaos.oracle import State, after_denial, fate, for_event, told, told_late
from chaos.words import Fate, Vendor

FLOATS_S = 12.0
"""Longer than any process is frozen, and than any gateway waits for the store."""


@dataclass(frozen=True, slots=True)
class _Floating:
    stated: str
    until: float


@dataclass(frozen=True, slots=True)
class _Drifting:
    event: Event
    own: str
    gpc: bool
    until: float


@dataclass(slots=True)
class Mind:
    """The possible states of one visitor. ``gpc`` is what its browser sends with statements."""

    gpc: bool
    possible: frozenset[State] = frozenset({State()})
    _floating: list[_Floating] = field(default_factory=list)
    _drifting: list[_Drifting] = field(default_factory=list)

    def states(self, stated: str, *, acknowledged: bool, maybe: bool, now: float) -> None:
        """Take note of a statement and of what came of it."""
        after = frozenset(told(one, stated, gpc=self.gpc) for one in self.possible)
        if acknowledged:
            self.possible = after
        elif maybe:
            self.possible |= after
            self._floating.append(_Floating(stated, now + FLOATS_S))
        self._spread(now)

    def may(self, event: Event, own: str, *, gpc: bool) -> None:
        """Add to an event's fates what may become of it if it is taken now."""
        for state in self.possible:
            letters, _ = for_event(state, own, gpc=gpc)
            for vendor in Vendor:
                event.fates[vendor].add(fate(letters, vendor, event.name, identified=event.identified))

    def sent(self, event: Event, own: str, *, gpc: bool, acknowledged: bool, maybe: bool, now: float) -> None:
        """Take note of what came of an event's request."""
        grown = frozenset(for_event(one, own, gpc=gpc)[1] for one in self.possible)
        if acknowledged:
            self.possible = grown
            self._drifting = [one for one in self._drifting if one.event is not event]
        elif maybe:
            self.possible |= grown
            self._drifting.append(_Drifting(event, own, gpc, now + FLOATS_S))

    def _spread(self, now: float) -> None:
        """Let everything that floats take effect, or not, and decide drifting events in each state that follows."""
        self._floating = [one for one in self._floating if one.until > now]
        for one in self._floating:
            self.possible |= {told_late(state, one.stated, gpc=self.gpc) for state in self.possible}
        self._drifting = [one for one in self._drifting if one.until > now]
        for drifting in self._drifting:
            self.may(drifting.event, drifting.own, gpc=drifting.gpc)


def with_denials(fates: set[Fate], vendor: Vendor) -> set[Fate]:
    """Return fates of an event whose consent was taken back after it was sent."""
    return fates | {after_denial(vendor)} if Fate.FULL in fates else fates
