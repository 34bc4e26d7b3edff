"""``sayso audit verify``: whether the trail is as it was written, by its own hashes and by what the store has noted."""

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from proxy.assemble import AUDIT_KEY_FILE
from proxy.audit import heads
from proxy.audit.chain import key_of
from proxy.audit.heads import Head, place_of
from proxy.audit.verify import Report, verify
from proxy.audit.waiting import waiting
from proxy.operate.audit_rows import NO_STORE, store_of
from proxy.operate.desk import FAILED
from proxy.operate.shown import as_json, counted
from proxy.settings import Settings
from proxy.store.client import StoreUnavailableError


@dataclass(slots=True)
class Told:
    """What the store says of the trail; ``key`` is the chain's, None where nobody has it. ``why``: it was not asked."""

    key: bytes | None = None
    heads: dict[str, Head] | None = None
    waiting: int = 0
    why: str = ""


async def _ask(settings: Settings) -> Told:
    told = Told()
    try:
        store, key = await store_of(settings)
    except NO_STORE as error:
        told.why = str(error)
        told.key = _key_without_store(settings)
        return told
    try:
        told.key = key_of(key)
        told.heads = await heads.read_heads(store)
        told.waiting = await waiting(store, settings.store.partitions)
    except StoreUnavailableError as error:
        told.heads, told.why = None, str(error)
    finally:
        await store.close()
    return told


def _key_without_store(settings: Settings) -> bytes | None:
    own = settings.server.id_key
    if own is not None:
        return key_of(sha256(own.reveal().encode()).digest())
    try:
        return bytes.fromhex((settings.server.data_dir / AUDIT_KEY_FILE).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None


async def verifying(settings: Settings, *, json: bool) -> tuple[int, str]:
    """Do the work of ``sayso audit verify``; returns the exit status and what to print."""
    folder = settings.audit_dir
    told = await _ask(settings)  # before the files are read: they may only have got further since
    try:
        name = _name_of(folder)
        head = (told.heads or {}).get(name)
        report = verify(folder, told.key, head=head.link if head is not None else None)
    except OSError as error:
        return FAILED, f"sayso: the audit trail in {folder} cannot be read: {error.strerror}"
    flaws, notes = _of_heads(folder, name, report, told)
    flaws = [*(f"{one.file}, line {one.line}: {one.words}" for one in report.findings), *flaws]
    if told.key is None:
        flaws.append(
            f"the hashes were not checked: their key is in the store, which cannot be asked ({told.why})"
        )
    whole = not flaws
    if json:
        body = {
            "whole": whole,
            "dir": str(folder),
            "chain": name,
            "files": report.files,
            "rows": report.rows,
            "first": report.first,
            "last": report.end.number,
            "last_hash": report.end.hash,
            "unfinished_row": report.torn,
            "compared_with_store": told.heads is not None,
            "waiting_records": told.waiting if told.heads is not None else None,
            "flaws": [
                {"file": one.file, "line": one.line, "flaw": one.flaw.value, "words": one.words}
                for one in report.findings
            ],
            "problems": flaws,
            "notes": notes,
        }
        return (0 if whole else FAILED), as_json(body)
    return (0 if whole else FAILED), "\n".join([_headline(report, folder, whole=whole), *flaws, *notes])


def _headline(report: Report, folder: Path, *, whole: bool) -> str:
    what = f"{counted(report.rows, 'row', 'rows')} in {counted(report.files, 'file', 'files')}"
    if not whole:
        return f"the audit trail in {folder} is NOT whole: {what}"
    if not report.rows:
        return f"the audit trail in {folder} has no rows yet"
    return f"the audit trail in {folder} is whole: {what}, from {report.first} to {report.end.number}"


def _of_heads(folder: Path, name: str, report: Report, told: Told) -> tuple[list[str], list[str]]:
    """Compare with what the store has noted; returns what is wrong, and what is good to know."""
    flaws: list[str] = []
    notes: list[str] = []
    if told.heads is None:
        notes.append(f"not compared with the store ({told.why}): rows cut off at the end would not be missed")
    else:
        if report.rows and name not in told.heads:
            notes.append("the store has not noted this chain: rows cut off at the end would not be missed")
        here = place_of(folder)
        for chain, head in told.heads.items():
            if chain == name or (folder / f"closed-{chain}").is_dir():
                continue
            what = f"chain {chain} had got to row {head.link.number} in {head.where}"
            (flaws if head.where == here else notes).append(
                f"{what}, and is not there any more" if head.where == here else f"{what}: verify it there"
            )
        if told.waiting:
            notes.append(
                f"{counted(told.waiting, 'record waits', 'records wait')} in the store, to be written as rows"
            )
    if report.torn:
        notes.append("the last file ends in the middle of a row, as a crash leaves it: it is written anew")
    try:
        closed = sorted(one.name for one in folder.iterdir() if one.name.startswith("closed-"))
    except OSError:
        closed = []
    notes += [f"{one} was written under another key, and was not looked at" for one in closed]
    return flaws, notes


def _name_of(folder: Path) -> str:
    try:
        return (folder / "chain").read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return ""
