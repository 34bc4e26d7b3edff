"""What Data Manager finds out only later: the processing of an accepted request, and its status report.

Source: Google, Data Manager API, diagnostics and requestStatus.retrieve.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from proxy.twin.rules.proto_json import parse_timestamp

PREFIX = "PROCESSING_ERROR_REASON_"
MAX_AGE_SECONDS = 90 * 86_400
"""Oldest conversion that is still attributed, as Google Ads' longest click window."""


def late_refusal(event: Mapping[str, Any], request_consent: Mapping[str, Any], now: float) -> str | None:
    """Why an accepted event ends refused, or None.

    Args:
        event: The event, keys in snake_case.
        request_consent: The request's own consent, which the event's overrides.
        now: Unix seconds.
    """
    consent = event.get("consent") or request_consent
    if consent.get("ad_user_data") == "CONSENT_DENIED":
        return PREFIX + "DENIED_CONSENT"
    ads = event.get("ad_identifiers") or {}
    for key in ("gclid", "gbraid", "wbraid"):
        if str(ads.get(key) or "").startswith("invalid"):
            return f"{PREFIX}INVALID_{key.upper()}"
    moment = parse_timestamp(event.get("event_timestamp"))
    if moment is not None and moment < now - MAX_AGE_SECONDS:
        return PREFIX + "EVENT_TOO_OLD"
    return None


@dataclass(slots=True)
class RequestStatus:
    """The state of one accepted request.

    Attributes:
        destinations: Its destinations as sent, with the number of events for each and the refusals by reason.
        polls_left: How many more times it answers ``PROCESSING``.
    """

    destinations: list[tuple[Any, int, Counter[str]]]
    polls_left: int

    def poll(self) -> dict[str, Any]:
        """One retrieval: the body of the answer."""
        processing = self.polls_left > 0
        self.polls_left -= processing
        return {
            "requestStatusPerDestination": [
                {"destination": destination, "requestStatus": "PROCESSING"}
                if processing
                else _final(destination, total, refused)
                for destination, total, refused in self.destinations
            ]
        }


def _final(destination: Any, total: int, refused: Counter[str]) -> dict[str, Any]:
    lost = refused.total()
    report: dict[str, Any] = {
        "destination": destination,
        "requestStatus": "SUCCESS" if not lost else "FAILED" if lost >= total else "PARTIAL_SUCCESS",
        "eventsIngestionStatus": {"recordCount": str(total)},
    }
    if lost:
        counts = [{"recordCount": str(count), "reason": reason} for reason, count in sorted(refused.items())]
        report["errorInfo"] = {"errorCounts": counts}
    return report


def process(
    sent: list[Any], data: Mapping[str, Any], polls: int, late_refusals: Mapping[str, int], now: float
) -> RequestStatus:
    """Works out how an accepted request will end.

    Args:
        sent: Its destinations as sent, to be repeated in the report.
        data: The whole valid request, keys in snake_case.
        polls: How many retrievals answer ``PROCESSING`` first.
        late_refusals: Refusals asked for: so many events of each request for this reason.
        now: Unix seconds.
    """
    consent = data.get("consent") or {}
    rows: list[tuple[Any, int, Counter[str]]] = []
    for original, destination in zip(sent, data["destinations"], strict=True):
        total, refused = 0, Counter[str]()
        wanted = {reason: count for reason, count in late_refusals.items() if count > 0}
        for event in data["events"]:
            references = event.get("destination_references")
            if references and destination.get("reference") not in references:
                continue
            total += 1
            reason = late_refusal(event, consent, now) or next(iter(wanted), None)
            if reason is None:
                continue
            refused[reason] += 1
            if reason in wanted:
                wanted[reason] -= 1
                if not wanted[reason]:
                    del wanted[reason]
        rows.append((original, total, refused))
    return RequestStatus(rows, polls)
