"""Reading the chain's files: all rows in their order, or those that speak of one event. Nothing is verified here."""

import mmap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import orjson

from proxy.audit.rows import Row
from proxy.audit.segments import segments

_LONGEST: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which rows: minutes (``2026-11-22T18:31Z``, both included), a site, a forwarder; None: any."""

    since: str | None = None
    until: str | None = None
    site: str | None = None
    forwarder: str | None = None

    def takes(self, row: Row) -> bool:
        """Tell whether a row is meant; rows that are about the trail itself belong to no site."""
        time = str(row.get("t", ""))
        return (
            (self.since is None or time >= self.since)
            and (self.until is None or time <= self.until)
            and (self.site is None or row.get("site") == self.site)
            and (self.forwarder is None or row.get("forwarder") == self.forwarder)
        )


def rows(folder: Path, wanted: Wanted) -> Iterator[tuple[bytes, Row]]:
    """Yield wanted rows, as they stand in the files (without newline) and read. What is no row is left out.

    Raises:
        OSError: a file cannot be read.
    """
    # A row is written on its own day or later, never before.
    first = "" if wanted.since is None else f"{wanted.since[:10]}.jsonl"
    for path in segments(folder):
        if path.name < first:
            continue
        with path.open("rb") as file:
            while line := file.readline(_LONGEST):
                row = _read(line)
                if row is not None and wanted.takes(row):
                    yield line.rstrip(b"\n"), row


@dataclass(slots=True)
class Search:
    """What was found of an event. ``since`` is the day of the oldest file that was looked at; empty: there is none."""

    rows: list[Row]
    since: str = ""
    whole: bool = True
    """Whether all files were looked at, as far as there was need to."""


def search(folder: Path, ref: str, most_bytes: int) -> Search:
    """Find the rows of an event, the newest file first, until its first row is found.

    Args:
        folder: the chain's files.
        ref: the event's.
        most_bytes: in how many bytes of files to look.

    Raises:
        OSError: a file cannot be read.
    """
    found = Search([])
    needle = f'"ref":"{ref}"'.encode()
    looked = 0
    for path in reversed(segments(folder)):
        size = path.stat().st_size
        if looked and looked + size > most_bytes:
            found.whole = False
            return found
        looked += size
        here = list(_with(path, needle)) if size else []
        found.rows[:0] = here
        found.since = path.name.removesuffix(".jsonl")
        if any(row.get("kind") == "decided" and row.get("reason") != "duplicate" for row in here):
            return found
    return found


def _with(path: Path, needle: bytes) -> Iterator[Row]:
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
        at = text.find(needle)
        while at >= 0:
            start, end = text.rfind(b"\n", 0, at) + 1, text.find(b"\n", at)
            if end < 0:
                return
            row = _read(text[start:end])
            if row is not None:
                yield row
            at = text.find(needle, end)


def _read(line: bytes) -> Row | None:
    try:
        row = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    return row if isinstance(row, dict) else None
