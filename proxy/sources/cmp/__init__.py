"""Banner cookies, read on the server: one module per consent platform, found by its being here. Pure.

A module without a leading underscore declares ``FAMILY``. Its name is the word that a site's ``cmp`` takes. Nothing of
a raw cookie is kept, and none is ever in an error: what cannot be understood is ``GARBLED``, and grants nothing.
"""

import importlib
import pkgutil
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from proxy.signals import ALL_UNKNOWN, Signals, Value
from proxy.sources.cmp._family import Answer, Family, GarbledError, Names, both, name_signals, without_grants
from proxy.sources.said import GARBLED, SILENT, Said

__all__ = [
    "AUTO",
    "CHOICES",
    "FAMILIES",
    "NONE",
    "Family",
    "Names",
    "Reading",
    "name_signals",
    "read_cookies",
]

AUTO: Final = "auto"
NONE: Final = "none"
# Browsers hold a cookie to 4,096 bytes; a longer one did not come from a banner.
_LONGEST = 8192
# What banners of a site's own keep under a name that a platform uses too: "true", "accepted", "dismiss", a number.
_HOME_MADE = re.compile(r"[A-Za-z0-9]{1,16}\Z")
# A time further ahead than this was not made by an honest clock.
_FUTURE_MS = 5 * 60 * 1000


@dataclass(frozen=True, slots=True)
class Reading:
    """What a request's banner cookies say.

    ``family`` names the platform whose cookies came, several in alphabetical order with ``/`` between; None: there
    were none. ``proof`` is the platform's own id of the decision. ``tc_string`` (IAB TCF) and ``ac_string`` (Google's
    Additional Consent) are raw text that nobody has checked.
    """

    said: Said
    family: str | None = None
    proof: str | None = field(default=None, repr=False)
    tc_string: str | None = field(default=None, repr=False)
    ac_string: str | None = field(default=None, repr=False)


_NOTHING = Reading(SILENT)


def _discover() -> tuple[Family, ...]:
    families: list[Family] = []
    for module in pkgutil.iter_modules(__path__):
        if module.name.startswith("_"):
            continue
        family = getattr(importlib.import_module(f"{__name__}.{module.name}"), "FAMILY", None)
        if not isinstance(family, Family) or family.name != module.name:
            raise TypeError(f"proxy/sources/cmp/{module.name}.py must declare FAMILY of that very name")
        families.append(family)
    return tuple(sorted(families, key=lambda family: family.name))


FAMILIES: Final = _discover()
CHOICES: Final = (AUTO, NONE, *(family.name for family in FAMILIES))
"""All that a site's ``cmp`` may be."""

_BY_NAME = {family.name: family for family in FAMILIES}
_SHOWN_BY = {
    cookie: tuple(family for family in FAMILIES if cookie in family.cookies)
    for cookie in {cookie for family in FAMILIES for cookie in family.cookies}
}
_PREFIXED = {prefix: family for family in FAMILIES for prefix in family.prefixes}
_PREFIXES = tuple(_PREFIXED)


def read_cookies(
    which: str, cookies: Sequence[tuple[str, str]], now_ms: int, *, names: Names | None = None
) -> Reading:
    """Read a request's banner cookies.

    Two cookies of one name that differ cannot be told apart, so they are unreadable. With ``auto``, platforms that
    disagree come to the stricter of what they say, without a time; what one garbles grants nothing, but a plain word that
    the platform would not write is taken for a home-made banner's, and says nothing.

    Args:
        which: a platform's name, ``auto`` for whichever cookies came, ``none`` to read none: one of ``CHOICES``.
        cookies: names and raw values, as the Cookie headers have them.
        now_ms: the time of receipt, Unix ms.
        names: what this site calls its categories or services, in place of the platform's usual names
            (``name_signals`` makes it).

    Raises:
        KeyError: ``which`` is not one of ``CHOICES``.
    """
    if which == NONE or not cookies:
        return _NOTHING
    if which != AUTO:
        return _read(_BY_NAME[which], cookies, now_ms, names)
    shown: set[str] = set()
    for name, _ in cookies:
        if name in _SHOWN_BY:
            shown.update(family.name for family in _SHOWN_BY[name])
        elif name.startswith(_PREFIXES):
            shown.update(family.name for prefix, family in _PREFIXED.items() if name.startswith(prefix))
    theirs = [one for one in cookies if not _HOME_MADE.match(one[1])]
    readings = [_guessed(_BY_NAME[name], cookies, theirs, now_ms, names) for name in sorted(shown)]
    return _together(readings) if len(readings) > 1 else readings[0] if readings else _NOTHING


def _guessed(
    family: Family,
    cookies: Sequence[tuple[str, str]],
    theirs: Sequence[tuple[str, str]],
    now_ms: int,
    names: Names | None,
) -> Reading:
    """Read the cookies of a platform that may not be there: a plain word that it would not write is another's."""
    reading = _read(family, cookies, now_ms, names)
    if not reading.said.readable and len(theirs) < len(cookies):
        return _read(family, theirs, now_ms, names)
    return reading


def _pick(family: Family, cookies: Sequence[tuple[str, str]]) -> dict[str, str] | None:
    """Return the cookies of a family; None if two of one name differ, or one is too long."""
    found: dict[str, str] = {}
    wanted, also, prefixes = family.cookies, family.also, family.prefixes
    for name, raw in cookies:
        if name in wanted or name in also or (prefixes and name.startswith(prefixes)):
            value = raw[1:-1] if len(raw) > 1 and raw[0] == '"' == raw[-1] else raw
            if not value:
                continue  # what a deletion leaves behind
            if found.setdefault(name, value) != value or len(value) > _LONGEST:
                return None
    return found


def _read(
    family: Family, cookies: Sequence[tuple[str, str]], now_ms: int, names: Names | None = None
) -> Reading:
    found = _pick(family, cookies)
    if found is None:
        return Reading(GARBLED, family.name)
    if not found:
        return _NOTHING
    try:
        answer = family.read(found, family.names if names is None else names)
    except GarbledError:
        return Reading(GARBLED, family.name)
    said = _said(answer, now_ms)
    if said is GARBLED:
        return Reading(GARBLED, family.name)
    return Reading(said, family.name, answer.proof, answer.tc_string or None, answer.ac_string or None)


def _said(answer: Answer, now_ms: int) -> Said:
    signals, decided_at = answer.signals, answer.decided_at
    if signals is ALL_UNKNOWN:
        return SILENT
    granted = Value.GRANTED in signals.values()
    if decided_at is not None and decided_at > now_ms + _FUTURE_MS:
        if granted:
            return GARBLED
        decided_at = None  # a refusal counts all the same
    if granted and answer.expires_at is not None and answer.expires_at <= now_ms:
        signals = without_grants(signals)
        if signals is ALL_UNKNOWN:
            return SILENT
    return Said(signals, decided_at)


def _together(readings: list[Reading]) -> Reading:
    """Return what several platforms say as one."""
    family = "/".join(reading.family or "" for reading in readings)
    speaking = [reading for reading in readings if reading.said != SILENT]
    strings = {reading.tc_string for reading in readings if reading.tc_string}
    additional = {reading.ac_string for reading in readings if reading.ac_string}
    if len(strings) > 1 or len(additional) > 1 or any(not reading.said.readable for reading in speaking):
        return Reading(GARBLED, family)
    said = SILENT
    if speaking:
        signals: Signals = speaking[0].said.signals
        for reading in speaking[1:]:
            signals = both(signals, reading.said.signals)
        said = Said(signals, _common_time(speaking))
    proof = speaking[0].proof if len(speaking) == 1 else None
    return Reading(said, family, proof, next(iter(strings), None), next(iter(additional), None))


def _common_time(speaking: list[Reading]) -> int | None:
    """Return when the newest of several decisions was made, if they are the same and all have a time."""
    times = [reading.said.decided_at for reading in speaking]
    known = [time for time in times if time is not None]
    same = len({reading.said.signals.code() for reading in speaking}) == 1
    return max(known) if same and len(known) == len(times) else None
