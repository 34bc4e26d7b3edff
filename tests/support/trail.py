"""The audit trail of a test's gateway and delivery: written by a ledger of its own, read, and compared with the counters."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from proxy.assemble import now_ms
from proxy.audit.chain import key_of
from proxy.audit.ledger import Keeping, Ledger
from proxy.audit.reading import Wanted, rows
from proxy.audit.rows import Row
from proxy.audit.verify import Report, verify
from proxy.store.client import Store

KEY = b"a secret of the installation"


def ledger(store: Store, folder: Path, key: bytes = KEY, *, owner: str = "one", **changes: Any) -> Ledger:
    """Return a ledger that has not begun."""
    keeping = changes.pop("keeping", Keeping(folder))
    settings: dict[str, Any] = {"partitions": 1, "clock": now_ms, "turn_s": 0.02, "lease_ms": 400}
    return Ledger(store, key_of(key), keeping, owner=owner, **{**settings, **changes})


async def write(store: Store, folder: Path, key: bytes = KEY, **changes: Any) -> list[Row]:
    """Write what waits now; return all rows of the files."""
    one = ledger(store, folder, key, **changes)
    await one.turn()
    await one.stop()
    return read(folder)


def read(folder: Path) -> list[Row]:
    """Return all rows of the files, oldest first."""
    return [row for _, row in rows(folder, Wanted())]


def everything_in(folder: Path) -> bytes:
    """Return the contents of all files of a folder."""
    return b"\n".join(path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file())


def checked(folder: Path, key: bytes = KEY) -> Report:
    """Verify the files, which must be whole."""
    report = verify(folder, key_of(key))
    assert report.whole, report.findings
    return report


def of_kind(found: Sequence[Row], kind: str, **wanted: object) -> list[Row]:
    """Return the rows of a kind that say these things."""
    return [
        row
        for row in found
        if row["kind"] == kind and all(row.get(name) == value for name, value in wanted.items())
    ]


def assert_agrees(found: Sequence[Row], counts: Mapping[str, int]) -> None:
    """Compare rows with what the store has counted: a row for each decision, and for each outcome."""
    decided: Counter[str] = Counter()
    ended: Counter[str] = Counter()
    for row in found:
        who = f"{row.get('site')}|{row.get('forwarder')}"
        if row["kind"] == "decided":
            decided[f"d|{who}|{row['decision']}|{row['reason']}"] += 1
        if "outcome" in row:
            reason = row.get("outcome_reason") or row["reason"]
            ended[f"o|{who}|{row['outcome']}|{reason}"] += 1
        if row["kind"] == "again":  # taken back
            ended[f"o|{who}|{row['outcome']}|{row['reason']}"] -= 2
    assert dict(decided) == {name: number for name, number in counts.items() if name.startswith("d|")}
    assert +ended == Counter({name: number for name, number in counts.items() if name.startswith("o|")})
