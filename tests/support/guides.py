"""The documentation as its tests read it: pages, and the blocks of code in them."""

import re
import textwrap
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_BLOCK = re.compile(r"^( *)```(\w+)\n(.*?)^ *```$", re.DOTALL | re.MULTILINE)
_NOT_RUN = re.compile(r"<!-- not run: ([^\n]+) -->\n+ *\Z")
_NEXT = re.compile(r"\n*```(text|json)\n(.*?)```", re.DOTALL)
_SAYSO = "$ sayso "


@dataclass(frozen=True, slots=True)
class Block:
    """A block of code on a page.

    ``not_run`` is the reason in ``<!-- not run: ... -->`` right before it, if there is one. ``shown`` is the block of
    ``text`` or ``json`` right behind it, which is what it prints.
    """

    page: str
    line: int
    language: str
    code: str
    not_run: str | None
    shown: tuple[str, str] | None

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def every_page() -> list[str]:
    """Return every page of the documentation, by its path below the repository's root."""
    return ["README.md", *sorted(str(page.relative_to(ROOT)) for page in (ROOT / "docs").rglob("*.md"))]


def blocks(page: str, *languages: str) -> list[Block]:
    """Return a page's blocks of code, in their order.

    Args:
        page: its path below the repository's root.
        languages: those wanted; none: all.
    """
    text = (ROOT / page).read_text(encoding="utf-8")
    found = []
    for match in _BLOCK.finditer(text):
        before = _NOT_RUN.search(text, 0, match.start())
        after = _NEXT.match(text, match.end())
        one = Block(
            page=page,
            line=text.count("\n", 0, match.start()) + 1,
            language=match[2],
            code=textwrap.dedent(match[3]),
            not_run=before[1] if before else None,
            shown=(after[1], after[2]) if after else None,
        )
        if not languages or one.language in languages:
            found.append(one)
    return found


def examples(page: str) -> list[str]:
    """Return the ``sayso`` commands of a page's ``console`` blocks, without the word ``sayso``."""
    lines = [line for block in blocks(page, "console") for line in block.code.splitlines()]
    return [line.removeprefix(_SAYSO) for line in lines if line.startswith(_SAYSO)]
