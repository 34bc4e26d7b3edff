"""Rows in a chain: each carries a keyed hash over itself and the row before it. Pure.

Whoever changes, removes, adds or reorders a row would have to make every later hash anew, and cannot without the key.
"""

import hmac
from dataclasses import dataclass
from enum import StrEnum
from hashlib import blake2b
from typing import Final

import orjson

BEGINNING: Final = "0" * 64
"""Stands for the row before the first."""
_HASH: Final = b',"hash":"'
_TAIL: Final = len(_HASH) + 64 + 2
_HEX: Final = frozenset(b"0123456789abcdef")


def key_of(store_key: bytes) -> bytes:
    """Return the key of the chain, derived from the installation's secret; 32 bytes."""
    return blake2b(store_key[:64], person=b"sayso-audit", digest_size=32).digest()


def key_id(key: bytes) -> str:
    """Return a name for a chain's key that tells it from others and nothing more; 16 hex digits."""
    return blake2b(key, person=b"sayso-audit-id", digest_size=8).hexdigest()


def seal(key: bytes, before: str, number: int, row: dict[str, object]) -> tuple[bytes, str]:
    """Return a row as a line (with its newline) and its hash.

    The line is one JSON object that begins with ``seq`` and ends with ``hash``: HMAC-SHA256 over the hash of the line
    before and all of this line up to its own hash.

    Args:
        key: from ``key_of``.
        before: the hash of the row before.
        number: the row's place in the chain, from 1.
        row: what it says, without ``seq`` and ``hash``.
    """
    body = orjson.dumps({"seq": number, **row})[:-1]
    made = _mac(key, before, body)
    return b"".join((body, _HASH, made.encode(), b'"}\n')), made


def _mac(key: bytes, before: str, body: bytes) -> str:
    return hmac.digest(key, before.encode() + b"\n" + body, "sha256").hex()


class Flaw(StrEnum):
    """What is wrong with a line."""

    UNREADABLE = "unreadable"
    """It is no row."""
    EDITED = "edited"
    """Its hash does not fit its text, or the row before it."""
    GAP = "gap"
    """Rows before it are missing."""
    ORDER = "order"
    """It stands after a row of a higher or the same number."""


@dataclass(frozen=True, slots=True)
class Link:
    """Where a chain has got to: the last row's number and hash."""

    number: int = 0
    hash: str = BEGINNING


@dataclass(frozen=True, slots=True)
class Row:
    """A row that was read. ``said`` is what it says, ``seq`` and ``hash`` included."""

    link: Link
    said: dict[str, object]


def read(line: bytes) -> Row | None:
    """Read a line without checking its hash; None if it is no row. The newline may be there or not."""
    text = line.rstrip(b"\n")
    if len(text) <= _TAIL or text[-_TAIL : -_TAIL + len(_HASH)] != _HASH or not set(text[-66:-2]) <= _HEX:
        return None
    try:
        said = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    number = said.get("seq") if isinstance(said, dict) else None
    if type(number) is not int or number < 1:
        return None
    return Row(Link(number, text[-66:-2].decode()), said)


def check(key: bytes | None, before: Link, line: bytes) -> Link | Flaw:
    """Check a line against the row before it; returns where the chain has got to, or what is wrong.

    Without a key only the numbers are checked.
    """
    row = read(line)
    return Flaw.UNREADABLE if row is None else check_row(key, before, row, line)


def check_row(key: bytes | None, before: Link, row: Row, line: bytes) -> Link | Flaw:
    """As ``check``, for a line that was read already."""
    if row.link.number > before.number + 1:
        return Flaw.GAP
    if row.link.number <= before.number:
        return Flaw.ORDER
    body = line.rstrip(b"\n")[:-_TAIL]
    if key is not None and not hmac.compare_digest(_mac(key, before.hash, body), row.link.hash):
        return Flaw.EDITED
    return row.link
