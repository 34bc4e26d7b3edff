"""The files of a chain: one per day (UTC) of writing, appended to and synced, never changed; removed when they are old.

``audit/2026-11-22.jsonl``   rows as lines of JSON, in the order of the chain
``audit/chain``              the chain's own random name, made once
A crash may leave half a line at the end of the last file. It was never synced, so nobody was told of it: the next writer
cuts it off and writes those rows again.
"""

import os
import re
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from proxy.audit.chain import Link, key_id, read, seal

_NAME: Final = re.compile(r"\d{4}-\d{2}-\d{2}\.jsonl\Z")
_TAIL_BYTES: Final = 1 << 16


def segments(folder: Path) -> list[Path]:
    """Return the chain's files, oldest first.

    Raises:
        OSError: the folder cannot be read.
    """
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if _NAME.match(path.name))


def chain_name(folder: Path) -> str:
    """Return the name of the chain in a folder, made where there is none: 16 hex digits.

    Raises:
        OSError: it can be neither read nor written.
    """
    path = folder / "chain"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not path.exists():
        made = folder / f".chain-{os.getpid()}"
        made.write_text(secrets.token_hex(8) + "\n", encoding="ascii")
        try:
            os.link(made, path)  # whoever is first names it
        except FileExistsError:
            pass
        finally:
            made.unlink()
    return path.read_text(encoding="ascii").strip()


def keep_private(path: Path, text: str) -> None:
    """Write a small file that is its owner's alone, unless it says so already.

    Raises:
        OSError: it can be neither read nor written.
    """
    try:
        if path.read_text(encoding="ascii").strip() == text:
            return
    except FileNotFoundError:
        pass  # the commonest case at a first start
    made = path.with_name(f".{path.name}-{os.getpid()}")
    made.touch(mode=0o600)
    made.write_text(text + "\n", encoding="ascii")
    made.replace(path)


def set_aside(folder: Path, key: bytes) -> bool:
    """Move a chain of another key out of the way, into ``closed-NAME``; True if there was one.

    It happens where the store was made anew, or the installation's secret was changed. Only the caller may write there.

    Raises:
        OSError: the files cannot be moved.
    """
    named = folder / "key-id"
    own = key_id(key)
    other = named.exists() and named.read_text(encoding="ascii").strip() != own
    if other and segments(folder):
        closed = folder / f"closed-{chain_name(folder)}"
        closed.mkdir(mode=0o700, exist_ok=True)
        for path in [*segments(folder), named, folder / "chain"]:
            path.rename(closed / path.name)
        _sync_folder(folder)
    keep_private(named, own)
    return other


@dataclass(frozen=True, slots=True)
class End:
    """Where a file ends: its last whole row, and how many bytes of an unfinished one stand behind that."""

    link: Link
    said: dict[str, object]
    torn: int


def end_of(path: Path) -> End | None:
    """Return the last whole row of a file, or None if it has none.

    Raises:
        OSError: it cannot be read.
        ValueError: its last whole line is no row.
    """
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        start = max(0, size - _TAIL_BYTES)
        file.seek(start)
        tail = file.read()
    whole = tail.rfind(b"\n") + 1
    if whole == 0:
        if start:
            raise ValueError("a line longer than any row")
        return None
    line = tail[tail.rfind(b"\n", 0, whole - 1) + 1 : whole]
    row = read(line)
    if row is None:
        raise ValueError("the last line is no row")
    return End(row.link, row.said, len(tail) - whole)


class Writer:
    """Appends rows to a chain; one per folder at a time, which the caller sees to.

    Args:
        folder: the chain's files; made with mode 0700 if absent.
        key: the chain's key.

    Raises:
        OSError: the folder cannot be read or written.
        ValueError: the last file does not end with a row, so that nothing can be chained to it.
    """

    def __init__(self, folder: Path, key: bytes) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder
        self._key = key
        self.link = Link()
        """The last row that was written."""
        self.last: dict[str, object] = {}
        """What that row says."""
        for path in reversed(segments(folder)):
            end = end_of(path)
            torn = path.stat().st_size if end is None else end.torn
            if torn:
                with path.open("r+b") as file:
                    file.truncate(path.stat().st_size - torn)
                    os.fsync(file.fileno())
            if end is not None:
                self.link, self.last = end.link, end.said
                break

    def append(self, day: str, rows: list[dict[str, object]]) -> None:
        """Append rows to a day's file (``YYYY-MM-DD``, never before that of the last row) and sync it to the disk.

        Raises:
            OSError: they are not written, or perhaps not; a new ``Writer`` finds out.
        """
        if not rows:
            return
        last = segments(self._folder)
        name = f"{day}.jsonl"
        if (
            last and last[-1].name > name
        ):  # the clock was put back: the order of the files is that of the rows
            name = last[-1].name
        path = self._folder / name
        new = not path.exists()
        link = self.link
        lines: list[bytes] = []
        for row in rows:
            line, made = seal(self._key, link.hash, link.number + 1, row)
            lines.append(line)
            link = Link(link.number + 1, made)
        with path.open("ab") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(b"".join(lines))
            file.flush()
            os.fsync(file.fileno())
        if new:
            _sync_folder(self._folder)
        self.link, self.last = link, rows[-1]

    def expire(self, before_day: str) -> list[str]:
        """Remove the files of days before ``before_day``, but never the last one; returns their names.

        The removal is itself a row, written first: it names the files and the hash that the chain goes on from.

        Raises:
            OSError: a file cannot be read or removed.
        """
        files = segments(self._folder)
        old = [path for path in files[:-1] if path.name < f"{before_day}.jsonl"]
        if not old:
            return []
        end = end_of(old[-1])
        if end is None:
            return []
        names = [path.name for path in old]
        self.append(
            files[-1].name.removesuffix(".jsonl"),
            [{"kind": "removed", "files": names, "to": end.link.number, "to_hash": end.link.hash}],
        )
        for path in old:
            path.unlink()
        _sync_folder(self._folder)
        return names


def _sync_folder(folder: Path) -> None:
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
