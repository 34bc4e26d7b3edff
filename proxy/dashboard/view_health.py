"""Is everything running? A few lines that say so in words. Pure."""

from dataclasses import dataclass

from proxy.dashboard.known import Known
from proxy.dashboard.numbers import Writing
from proxy.dashboard.usual import Usual
from proxy.dashboard.view_delivery import title_of
from proxy.dashboard.words import Said
from proxy.delivery.backoff import State


@dataclass(frozen=True, slots=True)
class Line:
    """What it is about, whether it is as it should be, and what is to be said; ``quote`` are a vendor's own words."""

    label: str
    good: bool
    words: str
    quote: str = ""


def health_lines(known: Known, said: Said, writing: Writing) -> list[Line]:
    """Return how things stand, in lines."""
    text, standing = said["health"], known.standing
    store = text["store_bad"].format(words=standing.store) if standing.store else text["store_ok"]
    found = [Line(text["store"], not standing.store, store), _last(known, said, writing)]
    if standing.usual is not None:
        found.append(_usual(standing.usual, said, writing))
    states = {one.forwarder: one for one in standing.states}
    for name in known.shop.vendors:
        state = states.get(name)
        how = state.state if state is not None else State.RUNNING
        quote = text["vendor_said"].format(words=state.words) if state is not None and state.words else ""
        found.append(Line(title_of(known, name, said), how is State.RUNNING, text["states"][how], quote))
    return found


def _last(known: Known, said: Said, writing: Writing) -> Line:
    text = said["health"]
    day = max((one.day for one in known.report.days if one.conversions), default=None)
    words = text["last_none"] if day is None else text["last_ok"].format(day=writing.day(day))
    return Line(text["last"], day is not None, words)


def _usual(usual: Usual, said: Said, writing: Writing) -> Line:
    key = "usual_fewer" if usual.fewer else "usual_ok" if usual.weeks else "usual_unknown"
    words = said["health"][key].format(
        number=writing.count(usual.number),
        day=writing.weekday(usual.day),
        weeks=usual.weeks,
        average=writing.decimal(usual.average_tenths * 100, 1),
    )
    return Line(said["health"]["usual"], not usual.fewer, words)
