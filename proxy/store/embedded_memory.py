"""How much memory the embedded store may take: a part of what this machine, or this container, allows us. Linux tells."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_ROOT = Path("/")
_V1_NO_BOUND = 1 << 60
"""Bytes above which a bound of the first cgroup version means that there is none."""
SHARE = 2
"""Every ``SHARE``-th byte is the store's. As much again may be needed for a moment while it rewrites its file."""


def auto_bound(root: Path = _ROOT) -> int:
    """Return what the store may take where nothing is configured, in bytes; 0 (no bound) where nobody can tell.

    Args:
        root: of the file system; tests have their own.
    """
    return allowed_memory(root) // SHARE


def allowed_memory(root: Path = _ROOT) -> int:
    """Return the bytes that this machine has, or that the control groups of this process allow if that is less."""
    found = [bound for bound in (_machine(root), *_groups(root)) if bound > 0]
    return min(found, default=0)


def _machine(root: Path) -> int:
    for line in _read(root / "proc/meminfo").splitlines():
        if line.startswith("MemTotal:"):
            return int(line.split()[1]) * 1024
    with suppress(ValueError, OSError, AttributeError):
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return 0


def _groups(root: Path) -> Iterator[int]:
    """Yield the bound of each control group that this process is in, up to the root of each hierarchy."""
    for line in _read(root / "proc/self/cgroup").splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if not controllers:
            yield from _upwards(root / "sys/fs/cgroup", path, "memory.max")
        elif "memory" in controllers.split(","):
            yield from _upwards(root / "sys/fs/cgroup/memory", path, "memory.limit_in_bytes")


def _upwards(mount: Path, path: str, name: str) -> Iterator[int]:
    # Within a container the path may be the one outside, where there is no such folder; its root is then our group.
    parts = [part for part in path.split("/") if part not in {"", ".."}]
    for depth in range(len(parts), -1, -1):
        said = _read(mount.joinpath(*parts[:depth]) / name).strip()
        if said.isdigit() and int(said) < _V1_NO_BOUND:
            yield int(said)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
