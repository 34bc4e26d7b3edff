"""How answers are written: tables and times for people, JSON for machines. Pure."""

from collections.abc import Sequence
from datetime import UTC, datetime

import orjson

from proxy.signals import SIGNALS, Signals


def as_json(value: object) -> str:
    """Write JSON, indented."""
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()


def as_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Write columns; those that hold only numbers stand to the right."""
    table = [tuple(head), *(tuple(row) for row in rows)]
    widths = [max(len(row[at]) for row in table) for at in range(len(head))]
    right = [all(row[at].isdigit() for row in table[1:]) for at in range(len(head))]
    return "\n".join(
        "  ".join(
            text.rjust(width) if flush else text.ljust(width)
            for text, width, flush in zip(row, widths, right, strict=True)
        ).rstrip()
        for row in table
    )


def time_of(unix_ms: int) -> str:
    """Write a time, in UTC."""
    return datetime.fromtimestamp(unix_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def length_of(seconds: float) -> str:
    """Write a length of time in its largest whole unit."""
    whole = int(seconds)
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60)):
        if whole >= 2 * size:
            return f"{whole // size} {unit}"
    return f"{whole} s"


def one_line(words: str) -> str:
    """Make foreign words safe for a terminal: one line, and nothing that steers it."""
    return " ".join("".join(char if char.isprintable() else " " for char in words).split())


def counted(number: int, one: str, several: str) -> str:
    """Write a number of things."""
    return f"{number} {one if number == 1 else several}"


def signals_of(signals: Signals) -> dict[str, str]:
    """Return the four signals by name."""
    return {name.value: value.value for name, value in zip(SIGNALS, signals.values(), strict=True)}
