"""How a number has changed, in words and sign: nobody needs a colour to read it. Pure."""

from collections.abc import Callable
from dataclasses import dataclass

from proxy.dashboard.numbers import DASH, MINUS, Writing, permille_of
from proxy.dashboard.words import Said


@dataclass(frozen=True, slots=True)
class Change:
    """``direction`` is up, down or same."""

    direction: str
    words: str


def _direction(now: int, before: int) -> str:
    if now == before:
        return "same"
    return "up" if now > before else "down"


def changed(
    now: int, before: int, said: Said, writing: Writing, show: Callable[[int], str], kind: str = ""
) -> Change:
    """Say how a number differs from before.

    Args:
        now: the number.
        before: what it was.
        said: the catalogue's ``tiles.changes``.
        writing: how numbers are written.
        show: writes such a number.
        kind: what the texts' keys begin with: nothing, or ``value_``.
    """
    direction = _direction(now, before)
    by = show(abs(now - before))
    if direction == "up" and before <= 0:
        return Change(direction, said[f"{kind}up_from_none"].format(by=by))
    sign = "+" if direction == "up" else MINUS
    percent = sign + writing.percent(permille_of(abs(now - before), abs(before))) if before else DASH
    return Change(direction, said[kind + direction].format(by=by, percent=percent, before=show(before)))


def points_changed(now: int, before: int, said: Said, writing: Writing) -> Change:
    """Say how a share, in tenths of a percent, differs from before."""
    direction = _direction(now, before)
    by = writing.decimal(abs(now - before) * 100, 1)
    return Change(direction, said[f"points_{direction}"].format(by=by, before=writing.percent(before)))
