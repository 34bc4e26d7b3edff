"""Check that the lock files belong to this project and to no machine."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PLACE = re.compile(r"://|^\s*-{1,2}(?!hash=)\w|(?<![\w.])/\w", re.MULTILINE)
"""Addresses, options and absolute paths: where somebody's packages came from is their affair."""


def wanted(path: Path) -> set[str]:
    """Read the requirements of a .in file."""
    lines = (line.partition("#")[0].strip() for line in path.read_text(encoding="utf-8").splitlines())
    return {line for line in lines if line and not line.startswith("-")}


def faults(requirements: Path, dependencies: list[str]) -> list[str]:
    """List everything that is wrong, one line each."""
    missing = set(dependencies) - wanted(requirements / "runtime.in")
    found = [f"runtime.in lacks pyproject.toml's {words}" for words in sorted(missing)]
    pins: dict[str, tuple[str, str]] = {}
    for lock in sorted(requirements.glob("*.txt")):
        text = lock.read_text(encoding="utf-8")
        uncommented = re.sub(r"#.*", "", text)
        found += [
            f"{lock.name}: names a place: {hit.group(0).strip()}" for hit in PLACE.finditer(uncommented)
        ]
        for name, version, rest in re.findall(r"^([\w.-]+)==(\S+)(.*(?:\n .*)*)", text, re.MULTILINE):
            if "--hash=sha256:" not in rest:
                found.append(f"{lock.name}: {name} has no hash")
            if pins.setdefault(name, (version, lock.name))[0] != version:
                found.append(f"{lock.name}: {name} {version} differs from {pins[name][1]}'s {pins[name][0]}")
    return found


def main() -> int:
    """Print every fault; return the exit status."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    found = faults(ROOT / "requirements", project["dependencies"])
    for fault in found:
        print(f"requirements: {fault}; put it right and run 'make lock'")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
