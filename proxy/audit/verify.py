"""Whether a chain is whole: every edit, gap and reordering is found, and said where. Also that its end was not cut off."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from proxy.audit.chain import BEGINNING, Flaw, Link, Row, check, check_row, read
from proxy.audit.segments import segments

_MOST_FLAWS: Final = 100
_LONGEST: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong, and where: a file's name, the line in it (from 1), in words."""

    file: str
    line: int
    flaw: Flaw
    words: str


@dataclass(slots=True)
class Report:
    """What was found. ``torn``: the last file ends in the middle of a row, as a crash leaves it; no flaw."""

    files: int = 0
    rows: int = 0
    first: int = 0
    end: Link = field(default_factory=Link)
    torn: bool = False
    findings: list[Finding] = field(default_factory=list)

    @property
    def whole(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings

    def note(self, file: str, line: int, flaw: Flaw, words: str) -> None:
        """Add a finding; past a hundred they are no longer listed."""
        if len(self.findings) < _MOST_FLAWS:
            self.findings.append(Finding(file, line, flaw, words))


def verify(folder: Path, key: bytes | None, *, head: Link | None = None) -> Report:
    """Check every row of a chain.

    Args:
        folder: its files.
        key: its key; None checks the numbers alone, so edits are not found.
        head: where the chain had got to at least, as was noted elsewhere; rows up to there must be in the files, and the
            row of that number must be the one that was noted.

    Raises:
        OSError: a file cannot be read.
    """
    report = Report()
    files = segments(folder)
    report.files = len(files)
    before = Link()
    removed: Link | None = None
    begun = False
    for number, path in enumerate(files):
        for line_number, line in _lines(path):
            if not line.endswith(b"\n"):
                if number == len(files) - 1:
                    report.torn = True
                else:
                    report.note(path.name, line_number, Flaw.UNREADABLE, "an unfinished row within the chain")
                continue
            row = read(line)
            if row is None:
                report.note(path.name, line_number, Flaw.UNREADABLE, "this line is no row")
                continue
            if not begun:
                begun = True
                report.first = row.link.number
                if row.link.number > 1:
                    # Older files were removed; that they were removed in order is to be said by a later row.
                    before = Link(row.link.number - 1, "")
            removed = _removal(row.said) or removed
            report.rows += 1
            _compare(report, head, row.link, path.name, line_number)
            before = _next(report, key, before, line, path.name, line_number, row)
    report.end = before
    if report.first > 1:
        _check_beginning(report, key, files[0], removed)
    if head is not None and head.number > before.number:
        last = files[-1].name if files else str(folder)
        report.note(
            last, 0, Flaw.GAP, f"the chain had got to row {head.number}, the files end at {before.number}"
        )
    return report


def _next(
    report: Report, key: bytes | None, before: Link, line: bytes, name: str, number: int, row: Row
) -> Link:
    """Check one row and return where the chain goes on from, flaw or not."""
    if before.hash == "":  # what came before was removed by its age: checked against the row that says so
        return row.link
    found = check_row(key, before, row, line)
    if isinstance(found, Link):
        return found
    report.note(name, number, found, _WORDS[found].format(number=row.link.number, before=before.number))
    return row.link


def _compare(report: Report, head: Link | None, link: Link, name: str, number: int) -> None:
    """Compare a row with the one of its number that was noted elsewhere, if that is it."""
    if head is not None and link.number == head.number and link.hash != head.hash:
        report.note(name, number, Flaw.EDITED, f"row {head.number} is not the one that was noted elsewhere")


_WORDS: Final = {
    Flaw.UNREADABLE: "this line is no row",
    Flaw.EDITED: "row {number} is not as it was written, or does not follow row {before}",
    Flaw.GAP: "row {number} follows row {before}: those between are missing",
    Flaw.ORDER: "row {number} stands after row {before}",
}


def _removal(said: dict[str, object]) -> Link | None:
    number, made = said.get("to"), said.get("to_hash")
    if said.get("kind") == "removed" and type(number) is int and isinstance(made, str):
        return Link(number, made)
    return None


def _check_beginning(report: Report, key: bytes | None, path: Path, removed: Link | None) -> None:
    """Check the first row that is still there against the row that says what was removed before it."""
    for line_number, line in _lines(path):
        if read(line) is None:
            continue
        found = check(key, removed or Link(0, BEGINNING), line)
        if not isinstance(found, Link):
            report.note(
                path.name, line_number, Flaw.GAP, "the files before this one are missing, and no row says why"
            )
        return


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    with path.open("rb") as file:
        number = 0
        while line := file.readline(_LONGEST):
            number += 1
            yield number, line
