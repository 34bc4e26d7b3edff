"""What ``sayso doctor`` looks at on this machine: files, disk, limits, and whether the listeners answer."""

import asyncio
import os
import resource
import shutil
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import aiohttp
import orjson

from proxy.check import every_secret
from proxy.operate.complaints import Complaint
from proxy.settings import Settings
from proxy.settings_net import Address

_FREE = 256 << 20
"""Bytes that must be free on the store's disk, beside room for its log twice: it writes a new one next to the old."""
_FILES = 4096
_ANSWER_S = 3.0
_TOLD_ELSEWHERE = frozenset({"store", "durability"})


def look_at_files(path: Path, settings: Settings) -> Iterator[Complaint]:
    """Look at who may read what holds secrets or visitors' data."""
    literal = any(secret.literal for _, secret in every_secret((), settings)) or settings.store.url.literal
    if literal and _others_may_read(path):
        yield _readable(path, "holds secrets")
    told: set[Path] = set()
    for _, secret in every_secret((), settings):
        if secret.source.startswith("file:"):
            file = Path(secret.source.removeprefix("file:"))
            if file not in told and _others_may_read(file):
                told.add(file)
                yield _readable(file, "is a secret")
    folder = settings.server.data_dir
    if settings.store.embedded and folder.is_dir() and stat.S_IMODE(folder.stat().st_mode) & 0o077:
        yield Complaint("machine", "wrong", f"others may look into {folder}", f"chmod 700 {folder}")


def _readable(file: Path, what: str) -> Complaint:
    return Complaint("machine", "unwise", f"{file} {what}, and everybody may read it", f"chmod 600 {file}")


def _others_may_read(path: Path) -> bool:
    try:
        return bool(path.stat().st_mode & stat.S_IROTH)
    except OSError:
        return False


def look_at_limits(settings: Settings) -> Iterator[Complaint]:
    """Look at disk and open files."""
    if settings.store.embedded:
        yield from _disk(settings.server.data_dir)
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files != resource.RLIM_INFINITY and files < _FILES:
        what = f"a process that is started here may open {files} files, and each visitor's connection is one"
        yield Complaint("machine", "unwise", what, f"ulimit -n {_FILES * 16} (systemd: LimitNOFILE)")


def _disk(folder: Path) -> Iterator[Complaint]:
    there = folder
    while not there.exists():
        there = there.parent
    try:
        free = shutil.disk_usage(there).free
        log = sum(one.stat().st_size for one in (folder / "appendonlydir").glob("*"))
    except OSError as error:
        yield Complaint("machine", "wrong", f"{there} cannot be looked at: {error.strerror}")
        return
    if not os.access(there, os.W_OK):
        yield Complaint("machine", "wrong", f"{there} cannot be written to", "another data_dir, or its owner")
    if free < _FREE + 2 * log:
        what = f"{free >> 20} MB are free for {folder}; its store has {log >> 20} MB and writes them anew at times"
        yield Complaint("machine", "wrong", what, f"at least {(_FREE + 2 * log) >> 20} MB")


async def look_at_listeners(settings: Settings, *, delivering: bool) -> list[Complaint]:
    """Ask both listeners how they are.

    Args:
        settings: where they are.
        delivering: whether some process delivers; then a listener may be on another machine.
    """
    grade: Any = "note" if delivering else "wrong"
    found: list[Complaint] = []
    timeout = aiohttp.ClientTimeout(total=_ANSWER_S)
    async with aiohttp.ClientSession(timeout=timeout, trust_env=False) as session:
        for area, address, path in (
            ("gateway", settings.server.listen, "/"),
            ("delivery", settings.server.admin_listen, "/readyz"),
        ):
            if address.port == 0:  # a free one: nobody can know
                continue
            name = "listen" if area == "gateway" else "admin_listen"
            try:
                async with session.get(f"http://{_from_here(address)}{path}") as answer:
                    body, ours = await answer.read(), answer.headers.get("Server") == "sayso"
            except (aiohttp.ClientError, TimeoutError, asyncio.IncompleteReadError, OSError) as error:
                what = f"nothing answers on {name} {address} ({type(error).__name__})"
                remedy = "sayso serve" if grade == "wrong" else "if it runs on another machine, ask it there"
                found.append(Complaint(area, grade, what, remedy))  # type: ignore[arg-type]  # one of the two above
                continue
            if path == "/":
                if not ours:
                    what = f"something else than Sayso answers on {name} {address}"
                    found.append(Complaint("gateway", "wrong", what, "another port"))
            else:
                found += _parts(body)
    return found


def _from_here(address: Address) -> Address:
    """Return where to reach a listener from this machine: one on every address answers on loopback too."""
    return Address({"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address.host, address.host), address.port)  # noqa: S104


def _parts(body: bytes) -> Iterator[Complaint]:
    """Read ``/readyz``; what the doctor asks for itself, and says better, is left out."""
    try:
        parts: Mapping[str, Any] = orjson.loads(body)["parts"]
    except (ValueError, KeyError, TypeError):
        yield Complaint("gateway", "wrong", "what answers on admin_listen is not Sayso", "another port")
        return
    for name, part in parts.items():
        if name in _TOLD_ELSEWHERE or "." in name or part.get("status") == "ready":
            continue
        yield Complaint(
            "gateway", "wrong", f"/readyz: {name} is {part.get('status')}: {part.get('words', '')}"
        )
