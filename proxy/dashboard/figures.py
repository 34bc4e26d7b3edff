"""The page's figures, as SVG that is part of the page. Pure.

They are as wide as their place: shapes stand at percentages, text keeps its size. Colours and dashes are the style
sheet's. Every text is escaped, wherever it comes from.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup, escape

_TOP: Final = 22
_BOTTOM: Final = 26
_STEPS: Final = (1, 2, 3, 4, 5)
_WIDEST: Final = 12.0
"""Percent of the figure's width that a single day takes at most."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A day's two numbers. ``hint`` is what is said of it, ``before`` None where there is nothing to compare with."""

    number: int
    before: int | None
    hint: str


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a whole; ``kind`` names its look in the style sheet and in the patterns."""

    kind: str
    number: int
    hint: str


PATTERNS: Final = Markup(
    '<svg class="patterns" width="0" height="0" aria-hidden="true" focusable="false"><defs>'
    '<pattern id="p-denied" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    '<rect width="6" height="6" class="p-ground"/><rect width="2.500" height="6" class="p-denied"/></pattern>'
    '<pattern id="p-unknown" width="6" height="6" patternUnits="userSpaceOnUse">'
    '<rect width="6" height="6" class="p-ground"/><circle cx="3" cy="3" r="1.300" class="p-unknown"/></pattern>'
    '<pattern id="p-together" width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    '<rect width="7" height="7" class="p-ground"/><path d="M0 0H7M0 0V7" class="p-together"/></pattern>'
    "</defs></svg>"
)
"""The patterns by which parts are told apart without colours; once per page."""
_PATTERNED: Final = frozenset({"denied", "unknown", "together"})


def ceiling(most: int) -> int:
    """Return the top of an axis: the lowest of 1, 2, 3, 4, 5, 10, 20, 30, ... that nothing rises above."""
    scale = 1
    while most > _STEPS[-1] * scale:
        scale *= 10
    return next(step * scale for step in _STEPS if step * scale >= most)


def days_chart(
    bars: Sequence[Bar], labels: Sequence[tuple[int, str]], name: str, write: Sequence[tuple[int, str]]
) -> Markup:
    """Draw a bar for each day, and a line across it for the day that it is compared with.

    Args:
        bars: the days.
        labels: what stands below the axis: the number of its bar, and the text.
        name: what the figure is called by those who do not see it.
        write: the heights at which there are lines, and their texts; the highest is the top.
    """
    height, plot = 240, 240 - _TOP - _BOTTOM
    top = max((number for number, _ in write), default=1) or 1
    parts = [_open("days", height, name)]
    heights = [(_TOP + plot - plot * number / top, text) for number, text in write]
    parts += [_line(y) for y, _ in heights]
    parts += _bars(bars, plot, top)
    parts += [f'<text class="tick" x="0" y="{_n(y - 4)}">{escape(text)}</text>' for y, text in heights]
    parts += [_label(at, len(bars), text, height) for at, text in labels]
    return _closed(parts)


def _bars(bars: Sequence[Bar], plot: int, top: int) -> Iterator[str]:
    width = 100 / max(len(bars), 1)
    wide = min(width * (0.72 if len(bars) < 100 else 0.9), _WIDEST)
    reach = min(width, wide * 1.4)
    for at, bar in enumerate(bars):
        left = at * width + (width - wide) / 2
        tall = plot * bar.number / top
        yield (
            f"<g><title>{escape(bar.hint)}</title>"
            f'<rect class="room" x="{_n(at * width)}%" width="{_n(width)}%" y="{_TOP}" height="{plot}"/>'
            f'<rect class="day" x="{_n(left)}%" width="{_n(wide)}%" y="{_n(_TOP + plot - tall)}" height="{_n(tall)}"/>'
        )
        if bar.before is not None:
            y = _n(_TOP + plot - plot * bar.before / top)
            start = at * width + (width - reach) / 2
            ends = f'x1="{_n(start)}%" x2="{_n(start + reach)}%"'
            yield f'<line class="before" {ends} y1="{y}" y2="{y}"/>'
        yield "</g>"


def share_bar(parts: Sequence[Part], name: str) -> Markup:
    """Draw one bar that is a whole, with its parts side by side."""
    whole = sum(part.number for part in parts)
    drawn = [_open("whole", 22, name)]
    left = 0.0
    for part in parts:
        if part.number:
            wide = 100 * part.number / whole
            drawn.append(_rect(part, f"{_n(left)}%", f"{_n(wide)}%", "0", "100%"))
            left += wide
    if not whole:
        drawn.append('<rect class="part none" width="100%" height="100%"/>')
    return _closed(drawn)


def shares_chart(
    columns: Sequence[Sequence[Part] | None], labels: Sequence[tuple[int, str]], name: str, hidden: str
) -> Markup:
    """Draw a column for each day that is a whole, with its parts on top of each other.

    Args:
        columns: the days; an empty one had nothing, None is hidden.
        labels: what stands below: the number of its column, and the text.
        name: what the figure is called by those who do not see it.
        hidden: what is said of a hidden day.
    """
    height, plot = 170, 170 - 6 - _BOTTOM
    width = 100 / max(len(columns), 1)
    wide = min(width * 0.8, _WIDEST)
    drawn = [_open("shares", height, name)]
    for at, column in enumerate(columns):
        x = f"{_n(at * width + (width - wide) / 2)}%"
        if column is None:
            title = f"<title>{escape(hidden)}</title>"
            drawn.append(
                f'<rect class="part hidden" x="{x}" width="{_n(wide)}%" y="6" height="{plot}">{title}</rect>'
            )
            continue
        whole, y = sum(part.number for part in column), 6.0 + plot
        for part in column:
            if part.number:
                tall = plot * part.number / whole
                y -= tall
                drawn.append(_rect(part, x, f"{_n(wide)}%", _n(y), _n(tall)))
    drawn.append(_line(6 + plot))
    drawn += [_label(at, len(columns), text, height) for at, text in labels]
    return _closed(drawn)


def swatch(kind: str) -> Markup:
    """Draw the key to a part: a small square of its look."""
    square = _rect(Part(kind, 1, ""), "0", "14", "0", "14")
    return Markup(  # noqa: S704  # no text in it
        f'<svg class="swatch" width="14" height="14" aria-hidden="true" focusable="false">{square}</svg>'
    )


def _open(kind: str, height: int, name: str) -> str:
    return f'<svg class="chart {kind}" role="img" aria-label="{escape(name)}" width="100%" height="{height}">'


def _closed(parts: Sequence[str]) -> Markup:
    """Put the parts together; every text in them was escaped where it was put in."""
    return Markup("".join([*parts, "</svg>"]))  # noqa: S704


def _line(y: float) -> str:
    return f'<line class="grid" x1="0" x2="100%" y1="{_n(y)}" y2="{_n(y)}"/>'


def _rect(part: Part, x: str, width: str, y: str, height: str) -> str:
    fill = f' fill="url(#p-{part.kind})"' if part.kind in _PATTERNED else ""
    title = f"<title>{escape(part.hint)}</title>" if part.hint else ""
    place = f'x="{x}" width="{width}" y="{y}" height="{height}"'
    return f'<rect class="part {escape(part.kind)}"{fill} {place}>{title}</rect>'


def _label(at: int, of: int, text: str, height: int) -> str:
    """Write below a day; at the edges the text stays inside."""
    middle = 100 * (at + 0.5) / of
    anchor, x = "middle", middle
    if middle < 8:
        anchor, x = "start", 100 * at / of
    elif middle > 92:
        anchor, x = "end", 100 * (at + 1) / of
    return f'<text class="tick" text-anchor="{anchor}" x="{_n(x)}%" y="{height - 8}">{escape(text)}</text>'


def _n(number: float) -> str:
    """Write a coordinate."""
    return f"{number:.2f}".rstrip("0").rstrip(".")
