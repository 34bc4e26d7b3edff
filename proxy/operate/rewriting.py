"""The store's append-only file, written anew: until then it still holds what was deleted from the store."""

import asyncio
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from redis.exceptions import ResponseError

from proxy.operate.desk import Desk
from proxy.store.client import GONE, Store, StoreUnavailableError

_LOOK_S: Final = 0.05
PATIENCE_S: Final = 600.0
"""Seconds after which the rewrite is left to itself; it goes on all the same."""
_FOLDER: Final = "appendonlydir"


class Fate(StrEnum):
    """What became of the file."""

    REWRITTEN = "rewritten"
    OFF = "off"
    REFUSED = "refused"
    FAILED = "failed"
    UNFINISHED = "unfinished"


@dataclass(frozen=True, slots=True)
class Rewriting:
    """What became of the file, in how many seconds, and what remains to be said."""

    fate: Fate
    seconds: float
    notes: tuple[str, ...]

    @property
    def words(self) -> str:
        """Say it in one sentence."""
        match self.fate:
            case Fate.REWRITTEN:
                return f"the append-only file was rewritten in {self.seconds:.1f} s: what was erased is not in it any more"
            case Fate.OFF:
                return "the store keeps no append-only file"
            case Fate.REFUSED:
                return "the store would not rewrite its append-only file: what was erased stays in it until it does"
            case Fate.FAILED:
                return "the append-only file could not be rewritten: what was erased stays in it until it is; see the store's log"
            case Fate.UNFINISHED:
                return "the append-only file is still being rewritten: what was erased stays in it until that is done"


async def rewrite(desk: Desk) -> Rewriting:
    """Have the append-only file rewritten, and wait until it is; on a terminal, say how long it takes.

    Raises:
        StoreUnavailableError: the store does not answer.
    """
    began = time.monotonic()
    store = desk.store
    notes = await _notes(desk)
    info = await _persistence(store)
    if not info.get("aof_enabled"):
        return Rewriting(Fate.OFF, 0.0, notes)
    with _Line() as say:
        fate = await _rewritten(store, began + PATIENCE_S, say)
        if fate is Fate.REWRITTEN and desk.settings.store.embedded:
            fate = await _old_files_gone(desk.settings.server.data_dir / _FOLDER, began + PATIENCE_S)
    return Rewriting(fate, time.monotonic() - began, notes)


async def _rewritten(store: Store, deadline: float, say: Callable[[], None]) -> Fate:
    asked = False
    while time.monotonic() < deadline:
        info = await _persistence(store)
        # One that was under way before ours began has read what was still there then; only the next one will do.
        if not info.get("aof_rewrite_in_progress") and not info.get("aof_rewrite_scheduled"):
            if asked:
                return Fate.REWRITTEN if info.get("aof_last_bgrewrite_status") == "ok" else Fate.FAILED
            try:
                async with asyncio.timeout(store.patience_s):
                    await store.redis.bgrewriteaof()
                asked = True
            except ResponseError:
                info = await _persistence(store)
                if not info.get("aof_rewrite_in_progress"):
                    return Fate.REFUSED  # the command is renamed, or our user may not give it
            except GONE as error:
                raise StoreUnavailableError(type(error).__name__) from None
        say()
        await asyncio.sleep(_LOOK_S)
    return Fate.UNFINISHED


async def _old_files_gone(folder: Path, deadline: float) -> Fate:
    """Wait until the files that were replaced are removed, which the server does after it has said that it is done."""
    while time.monotonic() < deadline:
        if _files(folder) <= _named(folder):
            return Fate.REWRITTEN
        await asyncio.sleep(_LOOK_S)
    return Fate.UNFINISHED


def _files(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if not path.name.endswith(".manifest")}


def _named(folder: Path) -> set[str]:
    """Return the files that the manifest names as parts of the data; history is none."""
    named: set[str] = set()
    for manifest in folder.glob("*.manifest"):
        for line in manifest.read_text(encoding="utf-8").splitlines():
            words = line.split()
            if words[:1] == ["file"] and words[-1:] != ["h"]:
                named.add(words[1])
    return named


async def _notes(desk: Desk) -> tuple[str, ...]:
    """Return what a rewrite does not reach; of a store that is not ours, plainly."""
    if desk.settings.store.embedded:
        return ()
    notes: list[str] = []
    replicas = (await desk.store.guarded(desk.store.redis.info("replication"))).get("connected_slaves", 0)
    if replicas:
        notes.append(f"the store has {replicas} replicas; what they keep on disk is not reached")
    if await _asked(desk.store, "save") not in ("", None):
        notes.append(
            "the store writes snapshots; the last one holds what was erased until the next one is written"
        )
    if await _asked(desk.store, "stream-node-max-entries") != "1":
        notes.append(
            "the store packs several entries together: bytes of an erased one may stay in its memory and files until its "
            "neighbours have ended too, at most 72 hours; stream-node-max-entries 1 prevents that"
        )
    notes.append("backups of the store are yours to look after")
    return tuple(notes)


async def _asked(store: Store, name: str) -> str | None:
    """Return one of the store's settings; None where it does not tell."""
    try:
        async with asyncio.timeout(store.patience_s):
            found = await store.redis.config_get(name)
    except GONE:
        return None
    value = found.get(name)
    return None if value is None else str(value)


async def _persistence(store: Store) -> dict[str, Any]:
    found: dict[str, Any] = await store.guarded(store.redis.info("persistence"))
    return found


class _Line:
    """A line on stderr that tells that something goes on; only where that is a terminal."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._shown = False

    def __enter__(self) -> Callable[[], None]:
        return self._say

    def __exit__(self, *_: object) -> None:
        if self._shown:
            sys.stderr.write("\r\x1b[K")

    def _say(self) -> None:
        if sys.stderr.isatty():
            self._shown = True
            sys.stderr.write(f"\rrewriting the append-only file, {time.monotonic() - self._began:.0f} s")
            sys.stderr.flush()
