"""Write the tables in README.md and docs/ that say what the code says: ``python -m tools.make_docs``.

A page holds ``<!-- made: NAME -->`` and, below it, ``<!-- end -->``. What stands between is made anew from the code;
everything else on the page is written by hand. ``tests/unit/test_docs.py`` fails when a page is not up to date.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from tools.docs_tables import TABLES

ROOT = Path(__file__).resolve().parents[1]
_MADE = re.compile(r"(<!-- made: ([^\n>]+) -->\n).*?(<!-- end -->)", re.DOTALL)
_BEGINS = re.compile(r"^<!-- made: ", re.MULTILINE)


class UnknownTableError(KeyError):
    """A page asks for a table that nobody makes, or a mark has no end."""


def pages(root: Path = ROOT) -> list[Path]:
    """Return every page that may hold made tables."""
    return [root / "README.md", *sorted((root / "docs").rglob("*.md"))]


def made_anew(text: str) -> str:
    """Return a page with every made part as the code has it now.

    Raises:
        UnknownTableError: see there.
    """
    found = _MADE.findall(text)
    if len(found) != len(_BEGINS.findall(text)):
        raise UnknownTableError("a mark without an end")
    for _, name, _ in found:
        if name not in TABLES:
            raise UnknownTableError(name)
    return _MADE.sub(lambda match: f"{match[1]}\n{TABLES[match[2]]()}\n\n{match[3]}", text)


def used(root: Path = ROOT) -> set[str]:
    """Return the names of all tables that some page holds."""
    return {name for page in pages(root) for _, name, _ in _MADE.findall(page.read_text(encoding="utf-8"))}


def main() -> int:
    """Write every page that is not up to date, and name it; return the exit status."""
    for page in pages():
        before = page.read_text(encoding="utf-8")
        after = made_anew(before)
        if after != before:
            page.write_text(after, encoding="utf-8")
            print(f"docs: {page.relative_to(ROOT)} written")
    return 0


if __name__ == "__main__":
    sys.exit(main())
