"""Keep the pure modules pure: what decides and maps does no input or output and reads no clock.

Followed through: a pure module may use another module of ours only if that one obeys the same rules. The order of the
layers is checked by import-linter (.importlinter); this is about what lies outside our packages.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("proxy", "forwarders")

PURE = (
    "proxy.address",
    "proxy.anonymise",
    "proxy.attribution",
    "proxy.campaign",
    "proxy.clickids",
    "proxy.clocks",
    "proxy.consent",
    "proxy.dashboard.answers_by_day",
    "proxy.dashboard.changes",
    "proxy.dashboard.figures",
    "proxy.dashboard.numbers",
    "proxy.dashboard.period",
    "proxy.dashboard.question",
    "proxy.dashboard.small",
    "proxy.dashboard.usual",
    "proxy.event",
    "proxy.languages",
    "proxy.hits",
    "proxy.loader",
    "proxy.loader.*",
    "proxy.measurement",
    "proxy.measurement.*",
    "proxy.parse",
    "proxy.policy",
    "proxy.scrub",
    "proxy.sources",
    "proxy.sources.*",
    "proxy.traces.ids",
    "proxy.urls",
    "forwarders",
    "forwarders.*",
)
"""Patterns of module names. One that fits no module is merely reported."""

IMPURE = frozenset(
    "aiohttp asyncio hiredis http.client logging multiprocessing redis requests select sqlite3 ssl subprocess tempfile "
    "threading time urllib.request uvloop".split()
)
"""Modules, with all below them, that a pure module must not import. `socket` may be: `inet_pton` lives there."""

CLOCKS = frozenset({"now", "utcnow", "today"})
"""Names that, called on `datetime` or `date`, read the clock."""


def modules() -> dict[str, Path]:
    """All modules of ours, by name."""
    found = {}
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imported(tree: ast.AST, name: str, *, is_package: bool) -> Iterator[tuple[int, str]]:
    """Yield (line, full name) of everything a module imports, wherever in it and whatever for."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = name.split(".")
                keep = len(parts) - node.level + is_package
                base = ".".join([*parts[:keep], *([base] if base else [])])
            yield node.lineno, base
            for alias in node.names:
                yield node.lineno, f"{base}.{alias.name}"


def clock_reads(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield (line, words) of every look at the clock through `datetime`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in CLOCKS:
            words = ast.unparse(node)
            if words.rsplit(".", 2)[-2] in {"datetime", "date", "dt"}:
                yield node.lineno, words


def faults(name: str, known: dict[str, Path], seen: set[str], by: str) -> Iterator[str]:
    """Yield a line for each breach in `name` and in every module of ours that it uses."""
    if name in seen:
        return
    seen.add(name)
    path = known[name]
    tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
    where = path.relative_to(ROOT)
    through = f" (used by the pure {by})" if by != name else ""
    for line, words in clock_reads(tree):
        yield f"{where}:{line}: {words} reads the clock{through}; take the time as an argument"
    used, broken = set(), {}
    for line, target in imported(tree, name, is_package=path.name == "__init__.py"):
        bad = next((impure for impure in IMPURE if f"{target}.".startswith(f"{impure}.")), None)
        if bad is not None:
            broken[line] = bad
        if target in known:
            used.add(target)
    for line, bad in broken.items():
        yield f"{where}:{line}: imports {bad}{through}, which a pure module must not"
    for target in sorted(used):
        yield from faults(target, known, seen, by)


def main() -> int:
    """Print every breach; return the exit status."""
    known = modules()
    pure = [name for name in sorted(known) if any(fnmatchcase(name, pattern) for pattern in PURE)]
    for pattern in PURE:
        if not any(fnmatchcase(name, pattern) for name in known):
            print(f"imports: no module fits {pattern} (remark)")
    seen: set[str] = set()
    found = [fault for name in pure for fault in faults(name, known, seen, name)]
    for fault in found:
        print(fault)
    print(f"imports: {len(pure)} pure modules, with what they use {len(seen)}; {len(found)} breaches")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
