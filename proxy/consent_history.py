"""The history of a visitor's decisions: what is kept of each, as proof of it. Pure but for chance.

The store adds to it in the same step that changes the record (``consent.lua``). No address, no browser, no page, and no
raw cookie is in it: what a banner's cookie said is there as a keyed hash.
"""

import secrets
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import orjson

from proxy.signals import Signals

MOST_KEPT: Final = 200
"""Decisions of one visitor that are kept; older ones make room."""


class Kind(StrEnum):
    """What a decision did."""

    GIVEN = "given"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    CHANGED = "changed"
    """Something was given, and something else withdrawn."""
    CONFIRMED = "confirmed"
    """Nothing changed but the time: of several such in a row, only the last is kept."""


@dataclass(frozen=True, slots=True, repr=False)
class Beside:
    """What is kept of a decision beside what was decided.

    ``cmp`` names the consent platform whose cookies came, ``banner`` is a keyed hash of them. ``notice`` and ``text``
    are version and SHA-256 of the notice that counted then, ``language`` its language. ``keep_s`` is how long the history
    is kept after its last entry, seconds; 0: as long as the record.
    """

    cmp: str = ""
    banner: str = ""
    notice: str = ""
    text: str = ""
    language: str = ""
    keep_s: int = 0


NOTHING_BESIDE: Final = Beside()


@dataclass(frozen=True, slots=True, repr=False)
class Proof:
    """One decision as it is kept. Times are Unix ms; ``time`` is the store's, ``decided_at`` what the decision claimed.

    ``stated`` is what was stated, four letters as in ``consent.lua``, and ``mode`` how: ``decide``, ``fill`` or
    ``withdraw``. ``counts_s`` is for how many seconds a grant counted under the policy of then.
    """

    id: str
    kind: Kind
    before: Signals
    after: Signals
    time: int
    stated: str
    decided_at: int
    counts_s: int
    mode: str = ""
    source: str = ""
    gpc: bool = False
    policy_version: str = ""
    proof: str = ""
    cmp: str = ""
    banner: str = ""
    notice: str = ""
    text: str = ""
    language: str = ""


def told(
    stated: str,
    *,
    mode: str,
    decided_at: int,
    counts_s: int,
    source: str,
    gpc: bool,
    policy_version: str,
    proof: str,
    beside: Beside,
) -> bytes:
    """Write what an entry holds but for what the store finds out itself: a JSON object with a new id in front."""
    parts: dict[str, object] = {
        "id": secrets.token_hex(16),
        "stated": stated,
        "mode": mode,
        "decided_at": decided_at,
        "counts_s": counts_s,
        "source": source,
        "gpc": gpc,
        "policy_version": policy_version,
        "proof": proof.encode("utf-8", "replace").decode(),
        "cmp": beside.cmp,
        "banner": beside.banner,
        "notice": beside.notice,
        "text": beside.text,
        "language": beside.language,
    }
    return orjson.dumps({name: value for name, value in parts.items() if value != "" and value is not False})


def read_proof(raw: bytes) -> Proof | None:
    """Read an entry of the history; None if it is none of ours."""
    try:
        found: dict[str, Any] = orjson.loads(raw)
        return Proof(
            **{
                **found,
                "kind": Kind(found["kind"]),
                "before": Signals.from_code(found["before"]),
                "after": Signals.from_code(found["after"]),
            }
        )
    except (ValueError, TypeError, KeyError):
        return None
