"""What a family of banner cookies is to us, and how its categories become our four signals. Pure."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from proxy.signals import ALL_UNKNOWN, Signals, Value


class GarbledError(Exception):
    """A cookie that is there and cannot be understood. It never carries any of the cookie."""


@dataclass(frozen=True, slots=True)
class Names:
    """What a site calls its categories or services.

    ``positions`` says by folded name for which signals (in ``SIGNALS``) each stands; ``known`` are all of those.
    """

    positions: Mapping[str, tuple[int, ...]]
    known: frozenset[int]

    def get(self, name: str) -> tuple[int, ...]:
        """Return the positions of a name, which need not be folded; none if it means nothing here."""
        return self.positions.get(name) or self.positions.get(fold(name), ())

    def __or__(self, other: "Names") -> "Names":
        """Return the names of both; where both have one, the other's."""
        return names_of({**self.positions, **other.positions})


def fold(name: str) -> str:
    """Return a name as ``Names`` has it: lower case, with hyphens."""
    return name.strip().lower().replace("_", "-").replace(" ", "-")


def names_of(positions: Mapping[str, tuple[int, ...]]) -> Names:
    """Return the names of this mapping."""
    folded = {fold(name): found for name, found in positions.items()}
    return Names(folded, frozenset(position for found in folded.values() for position in found))


NO_NAMES = names_of({})


@dataclass(frozen=True, slots=True)
class Answer:
    """What a visitor answered, as far as a cookie tells.

    ``decided_at`` is set only where the family writes the time anew with every decision (Unix ms); a stale time could
    let an old grant outlive a refusal. From ``expires_at`` on grants no longer count (Unix ms). ``proof`` is the
    platform's own name for the decision. The two strings are handed on as they stand; who decodes them checks them.
    """

    signals: Signals = ALL_UNKNOWN
    decided_at: int | None = None
    expires_at: int | None = None
    proof: str | None = field(default=None, repr=False)
    tc_string: str | None = field(default=None, repr=False)
    ac_string: str | None = field(default=None, repr=False)


UNANSWERED = Answer()

Reader = Callable[[Mapping[str, str], Names], Answer]
"""From cookies (of the declared names, each once) to an answer.

Raises:
    GarbledError: something in them cannot be understood.
"""


@dataclass(frozen=True, slots=True)
class Family:
    """The cookies of one consent platform. ``name`` is the module's, and the word in the configuration.

    Any cookie named in ``cookies``, or beginning with one of ``prefixes``, shows that the platform is in use; those
    in ``also`` are read with them. ``names`` are the categories or services it knows; empty where they are fixed.
    ``told`` and ``traps`` are for the documentation: what is read, and what must not be fallen for.
    """

    name: str
    title: str
    cookies: tuple[str, ...]
    read: Reader
    prefixes: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    names: Names = NO_NAMES
    told: str = ""
    traps: str = ""


def name_signals(statistics: Iterable[str], marketing: Iterable[str]) -> Names:
    """Return ``Names`` for a site's names of statistics and of marketing; one may be both."""
    names: dict[str, tuple[int, ...]] = {}
    for positions, given in (((0,), statistics), ((1, 2, 3), marketing)):
        for name in given:
            key = fold(name)
            names[key] = (*names.get(key, ()), *positions)
    return names_of(names)


# Category words, and the vendors that are served here. What is asked for another vendor's service grants us nothing.
COMMON = name_signals(
    statistics=(
        "analytics",
        "statistics",
        "measurement",
        "google-analytics",
        "googleanalytics",
        "google-analytics-4",
        "ga",
        "ga4",
    ),
    marketing=(
        "marketing",
        "advertising",
        "advertisement",
        "ads",
        "targeting",
        "google-ads",
        "googleads",
        "google-adwords",
        "meta",
        "meta-pixel",
        "facebook",
        "facebook-pixel",
        "facebookpixel",
        "microsoft-ads",
        "microsoft-advertising",
        "bing",
        "bing-ads",
        "bingads",
        "linkedin",
        "linkedin-ads",
        "linkedin-insight",
        "linkedin-insight-tag",
    ),
)


def two(statistics: Value, marketing: Value) -> Signals:
    """Return the signals of the two categories: marketing stands for all three ad signals."""
    return Signals.of(statistics, marketing, marketing, marketing)


def value_of(flag: object) -> Value:
    """Read a flag: true or false, nothing else; absent is unknown.

    Raises:
        GarbledError: it is something else, such as a number or a text.
    """
    if flag is True:
        return Value.GRANTED
    if flag is False:
        return Value.DENIED
    if flag is None:
        return Value.UNKNOWN
    raise GarbledError


def stricter(one: Value, other: Value) -> Value:
    """Return the stricter of two: denied before unknown before granted."""
    if one is Value.DENIED or other is Value.DENIED:
        return Value.DENIED
    return one if one is other else Value.UNKNOWN


def by_names(flags: Iterable[tuple[str, Value]], names: Names) -> Signals:
    """Return the signals of categories or services by name.

    Several may stand for one signal: it is granted only if every one of them is. What has no meaning here is ignored.
    """
    found: list[Value | None] = [None, None, None, None]
    for name, value in flags:
        for position in names.get(name):
            before = found[position]
            found[position] = value if before is None else stricter(before, value)
    return Signals.of(*(Value.UNKNOWN if value is None else value for value in found))


def by_accepted(accepted: Iterable[str], names: Names) -> Signals:
    """Return the signals where a cookie lists what was accepted, and all else was refused.

    Several names are several words for one thing here: one of them is enough.
    """
    granted = {position for name in accepted for position in names.get(name)}
    values = [
        Value.GRANTED if position in granted else Value.DENIED if position in names.known else Value.UNKNOWN
        for position in range(4)
    ]
    return Signals.of(values[0], values[1], values[2], values[3])


def both(one: Signals, other: Signals) -> Signals:
    """Return two statements of one visitor as one: the stricter counts, and what only one speaks of counts too."""
    values = [
        b if a is Value.UNKNOWN else a if b is Value.UNKNOWN else stricter(a, b)
        for a, b in zip(one.values(), other.values(), strict=True)
    ]
    return Signals.of(values[0], values[1], values[2], values[3])


def without_grants(signals: Signals) -> Signals:
    """Return the refusals alone: grants that do not count say nothing."""
    values = [Value.UNKNOWN if value is Value.GRANTED else value for value in signals.values()]
    return Signals.of(values[0], values[1], values[2], values[3])
