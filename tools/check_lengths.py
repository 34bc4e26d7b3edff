"""Fail on files too long to be held in one head."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("proxy", "forwarders", "tests", "bench", "chaos", "tools")
ENDINGS = frozenset({".py", ".js", ".lua", ".html"})
REMARK = 250
LIMIT = 400


def lengths(root: Path) -> Iterator[tuple[int, Path]]:
    """Yield (lines, path below root) of every file that counts."""
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in ENDINGS and path.is_file() and "node_modules" not in path.parts:
                yield path.read_text(encoding="utf-8").count("\n"), path.relative_to(root)


def main() -> int:
    """Print remarks and failures; return the exit status."""
    seen = sorted(lengths(ROOT), reverse=True)
    for lines, path in seen:
        if lines > LIMIT:
            print(f"{path}: {lines} lines, over {LIMIT}: split it by concept")
        elif lines > REMARK:
            print(f"{path}: {lines} lines (remark: aim at {REMARK})")
    over = sum(lines > LIMIT for lines, _ in seen)
    print(f"lengths: {len(seen)} files, {over} over {LIMIT} lines")
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
