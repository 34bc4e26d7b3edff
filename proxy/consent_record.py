"""A visitor's decisions as consent records, in the shape of ISO/IEC TS 27560 for the GDPR. Pure.

One JSON object for each decision; a withdrawal is a record of its own. ``docs/consent-record.schema.json`` describes it.
No address, no browser, no page and not the tracking id is in it.
"""

import hashlib
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from proxy.consent import Refusal
from proxy.consent_history import Kind, Proof
from proxy.policy import ANALYTICS
from proxy.signals import SIGNALS, Signals, Value
from proxy.site import Link, Site

SCHEMA: Final = "https://w3id.org/dpv/schema/dpv-27560#record-eu-gdpr"
RECORD_LONGER_S: Final = 30 * 86_400
_DAY_S: Final = 86_400
_PERSONAL_DATA: Final = (
    "online identifiers",
    "pages and events",
    "truncated network address",
    "device and browser",
    "purchases",
    "hashed contact data",
)
_RIGHTS: Final = ("access", "erasure", "restriction", "portability", "objection", "withdrawal", "complaint")
_STATES: Final = {
    Kind.GIVEN: "given",
    Kind.CHANGED: "given",
    Kind.REFUSED: "refused",
    Kind.WITHDRAWN: "withdrawn",
}


def principal_of(site: str, visitor: str) -> str:
    """Return what stands for the visitor in consent records: neither the id, nor anything that a vendor knows."""
    return hashlib.blake2b(
        f"{site}\0{visitor}".encode(), digest_size=16, person=b"sayso-principal"
    ).hexdigest()


def records_of(site: Site, visitor: str, history: Sequence[Proof]) -> list[dict[str, object]]:
    """Write a visitor's decisions as consent records, oldest first.

    Who is responsible, and what for, is as the site is configured now; what was decided, and under which notice and
    policy, is as it was kept then.
    """
    records: list[dict[str, object]] = []
    before: str | None = None
    for proof in history:
        records.append(_record(site, principal_of(site.name, visitor), proof, before))
        before = _uuid(proof.id)
    return records


def refusal_record(site: Site, refusal: Refusal) -> dict[str, object]:
    """Write the refusal that a browser keeps: it has no id, so the store knows nothing of it."""
    at = refusal.decided_at
    name = hashlib.blake2b(f"{refusal.signals.code()}{at}".encode(), digest_size=16).hexdigest()
    nothing = Signals.from_code("uuuu")
    proof = Proof(
        name, Kind.REFUSED, nothing, refusal.signals, at, refusal.signals.code(), at, 0, "decide", "refusal"
    )
    return _record(site, "", proof, None)


def may_have(link: Link, signals: Signals) -> bool:
    """Tell whether a forwarder may have full events of somebody who has decided so."""
    values = signals.values()
    return all(
        values[position] is Value.GRANTED
        or (link.rule.interest and position == ANALYTICS and values[position] is Value.UNKNOWN)
        for position in link.rule.needs
    )


def time_of(unix_ms: int) -> str:
    """Write a time, UTC, to the millisecond."""
    return (
        datetime.fromtimestamp(unix_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    )


def _uuid(text: str) -> str:
    return str(uuid.UUID(text))


def _record(site: Site, principal: str, proof: Proof, before: str | None) -> dict[str, object]:
    notice, policy = site.notice, site.policy
    kept_s = policy.record_keep_s or policy.consent_max_age_ms // 1000 + RECORD_LONGER_S
    return {
        "schema": SCHEMA,
        "record_id": _uuid(proof.id),
        "principal": principal or None,
        "notice": {
            "version": proof.notice or None,
            "sha256": proof.text or None,
            "language": proof.language or None,
            "url": notice.url or None,
        },
        "controller": {"name": notice.controller or site.name, "contact": notice.contact or None},
        "dpo": notice.dpo or None,
        "authority": notice.authority or None,
        "jurisdiction": notice.jurisdiction or None,
        "purposes": _purposes(site, proof),
        "personal_data": [
            {"category": one, "optional": True, "special_category": False} for one in _PERSONAL_DATA
        ],
        "recipients": [
            {"name": link.name, "type": link.module, "role": "third party"}
            for link in site.links
            if may_have(link, proof.after)
        ],
        "retention": f"P{kept_s // _DAY_S}D",
        "storage": list(notice.storage),
        "withdrawal_method": notice.withdrawal_url or f"DELETE {site.base_path}consent",
        "rights": list(_RIGHTS),
        "event": _event(proof),
        "evidence": {
            "cmp": proof.cmp or None,
            "banner_keyed_hash": proof.banner or None,
            "proof": proof.proof or None,
            "policy_version": proof.policy_version or None,
        },
        "prev": before,
    }


def _purposes(site: Site, proof: Proof) -> list[dict[str, object]]:
    purposes: list[dict[str, object]] = []
    both = zip(SIGNALS, proof.before.values(), proof.after.values(), strict=True)
    for position, (signal, before, after) in enumerate(both):
        statistics = position == ANALYTICS
        interest = statistics and site.policy.interest and after is not Value.GRANTED
        withdrawn = before is Value.GRANTED and after is Value.DENIED
        purposes.append(
            {
                "id": signal.value,
                "category": "statistics" if statistics else "marketing",
                "basis": "legitimate interest" if interest else "consent",
                "state": "withdrawn" if withdrawn else after.value,
            }
        )
    return purposes


def _event(proof: Proof) -> dict[str, object]:
    granted = Value.GRANTED in proof.after.values()
    state = _STATES.get(proof.kind) or ("given" if granted else "refused")
    until = min(proof.decided_at, proof.time) + proof.counts_s * 1000 if granted else None
    return {
        "type": "expressed" if proof.mode != "fill" else "reported",
        "state": state,
        "kind": proof.kind.value,
        "time": time_of(proof.time),
        "decided_at": time_of(proof.decided_at),
        "valid_until": None if until is None else time_of(until),
        "source": proof.source or None,
        "explicit": proof.mode != "fill",
        "gpc": proof.gpc,
        "stated": proof.stated,
    }
