"""``sayso audit export``: rows as JSON Lines, as they stand in the files."""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from proxy.audit.daykeys import all_keys
from proxy.audit.reading import Wanted, rows
from proxy.audit.trail import whose
from proxy.identity import parse_visitor
from proxy.operate.audit_rows import NO_STORE, Request, store_of
from proxy.operate.desk import FAILED, MISTAKEN, MistakeError
from proxy.settings import Settings


async def exporting(
    settings: Settings, request: Request, write: Callable[[bytes], object]
) -> tuple[int, str]:
    """Do the work of ``sayso audit export``: write rows as JSON Lines; returns the exit status and a last word, if any."""
    try:
        wanted = request.wanted()
        if request.visitor is None:
            found: Iterator[bytes] = (line for line, _ in rows(settings.audit_dir, wanted))
            last = ""
        else:
            keys = await _day_keys(settings)
            found = _of_visitor(settings.audit_dir, wanted, request.visitor, keys)
            first = min(keys, default="")
            last = (
                f"before {first} no row can be found by its visitor"
                if first
                else "no key is left to find rows by"
            )
        for line in found:
            write(line + b"\n")
    except MistakeError as error:
        return MISTAKEN, f"sayso: {error}"
    except NO_STORE as error:
        return FAILED, f"sayso: the days' keys cannot be read: {error}"
    except BrokenPipeError:
        # Who read it has seen enough; what is still buffered goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0, ""
    except OSError as error:
        return FAILED, f"sayso: the audit trail in {settings.audit_dir} cannot be read: {error.strerror}"
    return 0, last


async def _day_keys(settings: Settings) -> dict[str, bytes]:
    store, _ = await store_of(settings)
    try:
        return await all_keys(store)
    finally:
        await store.close()


def _of_visitor(folder: Path, wanted: Wanted, text: str, keys: dict[str, bytes]) -> Iterator[bytes]:
    """Yield a visitor's rows. What became of an event says not whose it was, so its decision is looked for first."""
    visitor = parse_visitor(text)
    if visitor is None:
        raise MistakeError("this is no visitor's id: 22 characters of A-Z, a-z, 0-9, - and _")
    refs: set[object] = set()
    for line, row in rows(folder, Wanted(site=wanted.site)):
        ref, key = row.get("ref"), keys.get(str(row.get("day")))
        # None is nobody's: no row without a key is found.
        if key is not None and row.get("whose") == whose(key, str(ref), str(row.get("site")), visitor.id):
            refs.add(ref)
        if ref in refs and wanted.takes(row):
            yield line
