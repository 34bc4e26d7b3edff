"""Answers of Google's Data Manager API: what an ingestion's answer means, and a later status. Pure.

Google: Data Manager API, "understand API errors" and "diagnostics". One structurally wrong event fails its whole
request, and the answer names it by its place. What is kept of an answer is Google's reason and the path of the field;
descriptions may quote values and are left alone.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from forwarders._words import vendor_words
from forwarders.base import Json, Response, retry_after
from forwarders.verdicts import (
    AskAgain,
    Delivered,
    FollowUpVerdict,
    LateAnswer,
    Pause,
    Refused,
    Renew,
    Resend,
    Retry,
    Split,
    Verdict,
)

# Only the operator of the account can mend these, wherever in the request Google names them.
_OPERATOR = frozenset(
    "TERMS_AND_CONDITIONS_NOT_SIGNED NOT_ALLOWLISTED INVALID_DESTINATION INVALID_CONVERSION_ACTION_ID"
    " INVALID_CONVERSION_ACTION_TYPE OPERATING_ACCOUNT_LOGIN_ACCOUNT_MISMATCH PERMISSION_DENIED"
    " DESTINATION_ACCOUNT_NOT_ENABLED_ENHANCED_CONVERSIONS_FOR_LEADS"
    " DESTINATION_ACCOUNT_ENHANCED_CONVERSIONS_TERMS_NOT_SIGNED"
    " DESTINATION_ACCOUNT_DATA_POLICY_PROHIBITS_ENHANCED_CONVERSIONS DESTINATION_ACCOUNT_TYPE_MISMATCH"
    " EVENT_SOURCE_AND_DESTINATION_MISMATCH EU_POLITICAL_ADVERTISING_DECLARATION_REQUIRED"
    " MISMATCHED_ACCOUNT_TYPE REQUIRED_PREREQUISITE_LINK_MISSING".split()
)
# Google takes conversions for a new action only some hours after it was made.
_TOO_YOUNG = "CONVERSION_ACTION_TOO_RECENTLY_CREATED"
_TOO_YOUNG_WAIT_S = 3600.0

_RETRIED = frozenset({408, 409, 425, 429})
_EVENT = re.compile(r"(?:events\.)?events\[([0-9]{1,4})\]")
_WORD = re.compile(r"[A-Z][A-Z0-9_]{0,99}")
_PATH = re.compile(r"[A-Za-z0-9_.\[\]]{1,160}")
_DELAY = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,9})?)s")

# A status is there after about half an hour and final within a day (Google: diagnostics).
_FIRST_WAIT_S = 1800.0
_GROWTH = 1.3
_LONGEST_WAIT_S = 3600.0
_GIVE_UP_S = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class _Violation:
    reason: str
    field: str

    @property
    def words(self) -> str:
        return f"{self.reason} {self.field}".strip()

    @property
    def index(self) -> int | None:
        match = _EVENT.match(self.field)
        return int(match[1]) if match else None


def read_ingestion(response: Response, count: int) -> Verdict:
    """Say what the answer to ``events:ingest`` with ``count`` events means."""
    status = response.status
    if 200 <= status < 300:
        request_id = response.json.get("requestId") if isinstance(response.json, dict) else None
        return Delivered(follow_up=request_id if isinstance(request_id, str) and request_id else None)
    error = _error(response)
    words = _status_words(status, error)
    if status in {401, 403, 404}:
        # About the account, not about an event: an operator is to read what Google says of it.
        said = vendor_words(error.get("message"))
        words = f"{words}: {said}" if said else words
        return Renew(words) if status == 401 else Pause(words)
    if status in _RETRIED or status >= 500:
        return Retry(words, _retry_delay(error) or retry_after(response))
    return _read_refusal(list(_violations(error)), words, count)


def _read_refusal(violations: list[_Violation], words: str, count: int) -> Verdict:
    operators = next((one for one in violations if one.reason in _OPERATOR), None)
    if operators is not None:
        return Pause(operators.words)
    if any(one.reason == _TOO_YOUNG for one in violations):
        return Retry(_TOO_YOUNG, _TOO_YOUNG_WAIT_S)
    refused: dict[int, str] = {}
    for one in violations:
        if one.index is not None and one.index < count:
            refused.setdefault(one.index, one.words)
    if refused:
        return Resend(refused)
    if violations and all(one.field.startswith("destinations") for one in violations):
        return Pause(violations[0].words)
    words = violations[0].words if violations else words
    return Split(words) if count > 1 else Refused(words)


def _error(response: Response) -> Mapping[str, Json]:
    error = response.json.get("error") if isinstance(response.json, dict) else None
    return error if isinstance(error, dict) else {}


def _details(error: Mapping[str, Json], kind: str) -> Iterator[Mapping[str, Json]]:
    details = error.get("details")
    for one in details if isinstance(details, list) else ():
        if isinstance(one, dict) and str(one.get("@type", "")).endswith(f"google.rpc.{kind}"):
            yield one


def _violations(error: Mapping[str, Json]) -> Iterator[_Violation]:
    for detail in _details(error, "BadRequest"):
        listed = detail.get("fieldViolations")
        for one in listed if isinstance(listed, list) else ():
            if isinstance(one, dict):
                yield _Violation(_word(one.get("reason")) or "INVALID_ARGUMENT", _path(one.get("field")))
    # Some refusals have no field, only a reason of their own.
    for detail in _details(error, "ErrorInfo"):
        reason = _word(detail.get("reason"))
        if reason in _OPERATOR or reason == _TOO_YOUNG:
            yield _Violation(reason, "")


def _status_words(status: int, error: Mapping[str, Json]) -> str:
    reasons = (_word(detail.get("reason")) for detail in _details(error, "ErrorInfo"))
    word = next((one for one in reasons if one), "") or _word(error.get("status"))
    return f"HTTP {status} {word}".strip()


def _retry_delay(error: Mapping[str, Json]) -> float | None:
    for detail in _details(error, "RetryInfo"):
        match = _DELAY.fullmatch(str(detail.get("retryDelay", "")))
        if match:
            return float(match[1])
    return None


def _word(written: object) -> str:
    return written if isinstance(written, str) and _WORD.fullmatch(written) else ""


def _path(written: object) -> str:
    return written if isinstance(written, str) and _PATH.fullmatch(written) else ""


# --- status ---------------------------------------------------------------------------------------------------------


def _waits() -> tuple[float, ...]:
    """Return how long to wait after the first, second, ... question, until a day is over."""
    waits = []
    wait, total = _FIRST_WAIT_S, _FIRST_WAIT_S
    while total < _GIVE_UP_S:
        wait = min(wait * _GROWTH, _LONGEST_WAIT_S)
        total += wait
        waits.append(wait)
    return tuple(waits)


_WAITS = _waits()


def read_status_answer(response: Response, attempt: int) -> FollowUpVerdict:
    """Say what the answer to ``requestStatus:retrieve`` means. ``attempt`` counts from 1.

    Refusals are counted under Google's reason, without its prefix ``PROCESSING_ERROR_REASON_``. After a day without a
    final answer nothing is counted: not known is not refused.
    """
    status = response.status
    if status in {400, 404}:  # Google no longer knows the request, or never did
        return LateAnswer({})
    if not 200 <= status < 300 or not isinstance(response.json, dict):
        return _again(attempt) or LateAnswer({})
    listed = response.json.get("requestStatusPerDestination")
    destinations = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    final = {"SUCCESS", "PARTIAL_SUCCESS", "FAILED"}
    done = bool(destinations) and all(one.get("requestStatus") in final for one in destinations)
    again = None if done else _again(attempt)
    if again is not None:
        return again
    refused: dict[str, int] = {}
    for one in destinations:
        for reason, number in _refusals(one):
            refused[reason] = refused.get(reason, 0) + number
    return LateAnswer(refused)


def _again(attempt: int) -> AskAgain | None:
    return AskAgain(_WAITS[attempt - 1]) if attempt <= len(_WAITS) else None


def _refusals(destination: Mapping[str, Json]) -> Iterator[tuple[str, int]]:
    info = destination.get("errorInfo")
    listed = info.get("errorCounts") if isinstance(info, dict) else None
    named = False
    for one in listed if isinstance(listed, list) else ():
        number = _count(one.get("recordCount")) if isinstance(one, dict) else 0
        if number:
            named = True
            yield _word(one.get("reason")).removeprefix("PROCESSING_ERROR_REASON_") or "UNSPECIFIED", number
    if not named and destination.get("requestStatus") == "FAILED":
        ingestion = destination.get("eventsIngestionStatus")
        number = _count(ingestion.get("recordCount")) if isinstance(ingestion, dict) else 0
        if number:
            yield "FAILED", number


def _count(written: object) -> int:
    """Read an int64, which JSON of Google's APIs has as text."""
    text = str(written)
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 9 else 0
