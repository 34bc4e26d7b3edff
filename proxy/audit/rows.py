"""From the store's trail to rows of the audit trail: names in place of numbers, minutes in place of milliseconds. Pure.

One record of the trail gives the same rows each time, so that a writer which died in the middle can go on behind the
last row that it wrote.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any, Final

import orjson

from proxy.fields import BIT, names_of
from proxy.reasons import Decision, Outcome, OutcomeReason, Reason

Row = dict[str, object]
_NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,40}\Z")
_USER_AGENT: Final = BIT["user_agent"]
_IDS: Final = BIT["ids"]
_CONTACT: Final = BIT["contact"]
_MODES: Final = {"f": Decision.FULL.value, "c": Decision.COOKIELESS.value}
_DAY_S: Final = 86_400


def minute_of(unix_ms: int) -> str:
    """Write a time to the minute, UTC: a second could single somebody out on a quiet site."""
    return datetime.fromtimestamp(unix_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%MZ")


def day_of(day: int) -> str:
    """Write a day that is counted from 1970."""
    return datetime.fromtimestamp(day * _DAY_S, UTC).strftime("%Y-%m-%d")


def rows_of(stream_id: str, fields: Mapping[bytes, bytes]) -> list[Row]:
    """Return the rows that a record of the trail stands for; one that cannot be read gives a row that says so."""
    time = minute_of(int(stream_id.partition("-")[0]))
    try:
        if b"a" in fields:
            return list(_accepted(time, fields))
        return list(_settled(time, fields))
    except (ValueError, KeyError, IndexError, TypeError, AttributeError):
        return [{"kind": "unreadable", "t": time}]


def mark_of(key: bytes, partition: int, stream_id: str) -> str:
    """Return a name for a record of the trail that does not tell its time: rows say by it where they come from."""
    return blake2b(f"{partition}:{stream_id}".encode(), key=key, digest_size=6).hexdigest()


# --- what was decided -------------------------------------------------------------------------------------------


def _accepted(time: str, fields: Mapping[bytes, bytes]) -> Iterator[Row]:
    """Read ``a`` (the events), ``m`` (1: taken, 0: duplicate, 2: refused) and ``x`` (``event:forwarder`` of full outboxes)."""
    marks = fields[b"m"].decode()
    full = frozenset(fields.get(b"x", b"").decode().split(","))
    for number, event in enumerate(orjson.loads(fields[b"a"])):
        if event is not None and marks[number] != "2":
            yield from _event(time, number, event, new=marks[number] == "1", full=full)


def _event(time: str, number: int, event: Sequence[Any], *, new: bool, full: frozenset[str]) -> Iterator[Row]:
    ref, site, day, signals, gpc, source, consent, who, policy, had, parts = event
    for place, (name, code, signal, kept, named) in enumerate(parts):
        decision, _, reason = code.partition("|")
        row: Row = {"kind": "decided", "t": time, "site": site, "forwarder": name, "ref": ref}
        if not new:
            row |= {"decision": Decision.DROP.value, "reason": Reason.DUPLICATE.value}
            row |= {"outcome": Outcome.DROPPED.value, "policy": policy}
            yield row
            continue
        row |= {"decision": decision, "reason": reason}
        if signal is not None:
            row["signal"] = signal
        row |= {"signals": signals, "source": source}
        if gpc:
            row["gpc"] = True
        row |= {"policy": policy, "consent": consent, "day": day_of(day)}
        if who is not None:
            row["whose"] = who
        row["fields"] = _kept(kept, named, had)
        row["removed"] = _removed(kept, named, had)
        if f"{number + 1}:{place + 1}" in full:
            row |= {"outcome": Outcome.DROPPED.value, "outcome_reason": OutcomeReason.OUTBOX_FULL.value}
        elif decision == Decision.DROP:
            row["outcome"] = Outcome.DROPPED.value
        yield row


def _kept(kept: int, named: str, had: int) -> list[str]:
    # An entry has a user agent even where the request had none; it is empty then.
    return [*names_of(kept & ~(_USER_AGENT & ~had)), *_named(named)]


def _removed(kept: int, named: str, had: int) -> list[str]:
    ids, _, contact = named.partition(";")
    lost = had & ~kept
    # What was there of cookies and contact data may all be something that this forwarder does not take.
    lost |= (had & _IDS) if not ids else 0
    lost |= (had & _CONTACT) if not contact else 0
    return names_of(lost)


def _named(named: str) -> list[str]:
    ids, _, contact = named.partition(";")
    return [
        f"{kind}.{name}"
        for kind, names in (("ids", ids), ("contact", contact))
        for name in names.split(",")
        if _NAME.match(name)
    ]


# --- what became of it ------------------------------------------------------------------------------------------


def _settled(time: str, fields: Mapping[bytes, bytes]) -> Iterator[Row]:
    """Read ``s`` (a list of what happened) and ``w`` (``site|forwarder``)."""
    site, _, forwarder = fields[b"w"].decode().partition("|")
    for kind, ref, mode, policy, how, note, first, tries in orjson.loads(fields[b"s"]):
        row: Row = {"kind": kind, "t": time, "site": site, "forwarder": forwarder}
        if kind == "late":
            row["refused"] = int(how)
            yield row
            continue
        if ref:
            row["ref"] = ref
        if mode in _MODES:
            row["mode"] = _MODES[mode]
        if policy:
            row["policy"] = policy
        if how:
            outcome, _, reason = how.partition("|")
            row |= {"outcome": outcome, "reason": reason}
        if kind == "ended":
            row["tries"] = int(tries or 0)
        if note:
            row |= _request(note)
            row["first"] = bool(first)
        yield row


def _request(note: str) -> Row:
    status, mask, named = note.split(" ", 2)
    return {"status": int(status) or None, "fields": [*names_of(int(mask)), *_named(named)]}
