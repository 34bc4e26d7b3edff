"""What Google's validation server says about a GA4 Measurement Protocol body, and what GA4 would really count.

Source: Google, Measurement Protocol (GA4): reference, sending events, validating events, limitations.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from proxy.twin.rules.common import is_integer, is_number, is_one_of, is_sha256_hex, is_text

MAX_EVENTS = 25
MAX_PARAMS = 25
MAX_ITEMS = 200
MAX_AGE_SECONDS = 72 * 3600

RESERVED_EVENTS = frozenset(
    """ad_activeview ad_click ad_exposure ad_query ad_reward adunit_exposure app_clear_data app_exception app_install
    app_remove app_store_refund app_store_subscription_cancel app_store_subscription_convert
    app_store_subscription_renew app_update app_upgrade dynamic_link_app_open dynamic_link_app_update
    dynamic_link_first_open error firebase_campaign firebase_in_app_message_action firebase_in_app_message_dismiss
    firebase_in_app_message_impression first_open first_visit notification_dismiss notification_foreground
    notification_open notification_receive notification_send os_update session_start session_start_with_rollout
    user_engagement screen_view ad_impression in_app_purchase""".split()
)
"""Names a web stream refuses; the last three belong to app streams only."""

_RESERVED_PROPERTIES = frozenset(
    "first_open_time first_visit_time last_deep_link_referrer user_id first_open_after_install".split()
)
_RESERVED_PREFIXES = ("_", "firebase_", "ga_", "google_", "gtag.")
_TOP_KEYS = frozenset(
    """client_id user_id timestamp_micros user_properties user_data consent non_personalized_ads user_location
    ip_override device user_agent validation_behavior events""".split()
)
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,39}")
_LONG_VALUES = {"page_location": 1000, "page_referrer": 420, "page_title": 300}
"""Parameters with room for more than 100 characters (Google: GA4 collection limits)."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One message of the validation server.

    Attributes:
        field: ``fieldPath``.
        description: Text; Google's own wording changes, so build nothing on it.
        code: ``validationCode``.
        event: Index of the event concerned; None = the whole request.
        loses: Whether GA4 silently throws the event (or all of them) away for this.
    """

    field: str
    description: str
    code: str
    event: int | None = None
    loses: bool = True


def validate_query(params: Mapping[str, str]) -> list[Finding]:
    """Check the two query parameters; whether they exist at Google is never told."""
    return [
        Finding("", f"Unable to find non-empty parameter [{name}] value in request.", "VALUE_REQUIRED")
        for name in ("measurement_id", "api_secret")
        if not params.get(name)
    ]


def validate(body: Any, now: float) -> list[Finding]:
    """Check a body.

    Args:
        body: Parsed JSON.
        now: Unix seconds.
    """
    if not isinstance(body, dict):
        return [Finding("", "Unable to parse Measurement Protocol JSON payload.", "VALUE_INVALID")]
    return [*_top(body, now), *_people(body), *_events(body.get("events"), now)]


def _top(body: dict[str, Any], now: float) -> Iterator[Finding]:
    for key in body:
        if key not in _TOP_KEYS:
            yield Finding(
                key[:40], "Unable to parse Measurement Protocol JSON payload: unknown field.", "VALUE_INVALID"
            )
    if not is_text(body.get("client_id")):
        yield Finding("client_id", "Measurement requires a client_id.", "VALUE_REQUIRED")
    yield from _timestamp(body.get("timestamp_micros"), None, now)
    consent = body.get("consent", {})
    if not isinstance(consent, dict):
        yield Finding("consent", "Consent must be an object.", "VALUE_INVALID")
        return
    for key, value in consent.items():
        if key not in {"ad_user_data", "ad_personalization"} or not is_one_of(value, ("GRANTED", "DENIED")):
            yield Finding(f"consent.{key[:40]}", "Consent must be GRANTED or DENIED.", "VALUE_INVALID")


def _people(body: dict[str, Any]) -> Iterator[Finding]:
    user_id = body.get("user_id", "-")
    if not is_text(user_id) or len(user_id) > 256:
        yield Finding("user_id", "user_id must have 1 to 256 characters.", "VALUE_INVALID", loses=False)
    properties = body.get("user_properties", {})
    if not isinstance(properties, dict) or len(properties) > 25:
        yield Finding("user_properties", "At most 25 user properties.", "EXCEEDED_MAX_ENTITIES")
        return
    for name in properties:
        if name in _RESERVED_PROPERTIES or name.startswith(_RESERVED_PREFIXES):
            yield Finding("user_properties", "User property name is reserved.", "NAME_RESERVED", loses=False)
        elif len(name) > 24 or not _NAME.fullmatch(name):
            yield Finding("user_properties", "User property name is invalid.", "NAME_INVALID", loses=False)
    data = body.get("user_data", {})
    for key in ("sha256_email_address", "sha256_phone_number"):
        hashes = data.get(key, []) if isinstance(data, dict) else None
        hashes = [hashes] if isinstance(hashes, str) else hashes
        if not isinstance(hashes, list) or len(hashes) > 3 or not all(map(is_sha256_hex, hashes)):
            yield Finding(f"user_data.{key}", "Not a SHA-256 value in hexadecimal.", "VALUE_INVALID")


def _timestamp(micros: Any, event: int | None, now: float) -> Iterator[Finding]:
    if micros is None:
        return
    if isinstance(micros, str) and micros.isdecimal():
        micros = int(micros)
    if not is_integer(micros):
        yield Finding("timestamp_micros", "Not a time in microseconds.", "VALUE_INVALID", event)
    elif micros / 1e6 < now - MAX_AGE_SECONDS:  # RELAXED pulls it forward to 72 h ago: counted, but misdated
        yield Finding(
            "timestamp_micros", "More than 72 hours ago.", "VALUE_OUT_OF_BOUNDS", event, loses=False
        )
    elif micros / 1e6 > now + 900:
        yield Finding("timestamp_micros", "In the future.", "VALUE_OUT_OF_BOUNDS", event, loses=False)


def _events(events: Any, now: float) -> Iterator[Finding]:
    if not isinstance(events, list) or not events:
        yield Finding("events", "A request needs at least one event.", "VALUE_REQUIRED")
        return
    if len(events) > MAX_EVENTS:
        yield Finding("events", f"At most {MAX_EVENTS} events per request.", "EXCEEDED_MAX_ENTITIES")
    for index, event in enumerate(events):
        if isinstance(event, dict):
            yield from _event(event, index, now)
        else:
            yield Finding("events", f"Event at index: [{index}] is not an object.", "VALUE_INVALID", index)


def _event(event: dict[str, Any], index: int, now: float) -> Iterator[Finding]:
    name: Any = event.get("name")
    at = f"Event at index: [{index}]"
    if not is_text(name):
        yield Finding("events", f"{at} has no name.", "VALUE_REQUIRED", index)
    elif name in RESERVED_EVENTS:
        yield Finding("events", f"{at} has name [{name}] which is reserved.", "NAME_RESERVED", index)
    elif not _NAME.fullmatch(name):
        yield Finding(
            "events",
            f"{at} has invalid name [{name[:60]}]. Names start with a letter and have at most 40 characters.",
            "NAME_INVALID",
            index,
        )
    for key in event:
        if key not in {"name", "params", "timestamp_micros"}:
            yield Finding(f"events[{index}].{key[:40]}", "Unknown field.", "VALUE_INVALID", index)
    yield from _timestamp(event.get("timestamp_micros"), index, now)
    params = event.get("params", {})
    if not isinstance(params, dict):
        yield Finding(f"events[{index}].params", "Params must be an object.", "VALUE_INVALID", index)
        return
    if len(params) > MAX_PARAMS:
        yield Finding(
            f"events[{index}].params", "At most 25 params.", "EXCEEDED_MAX_ENTITIES", index, loses=False
        )
    for key, value in params.items():
        yield from _param(key, value, index)


def _param(key: str, value: Any, index: int) -> Iterator[Finding]:
    where = f"events[{index}].params.{key[:40]}"
    if key == "firebase_conversion" or key.startswith(_RESERVED_PREFIXES):
        yield Finding(where, "Param name is reserved.", "NAME_RESERVED", index, loses=False)
    elif not _NAME.fullmatch(key):
        yield Finding(where, "Param name is invalid.", "NAME_INVALID", index, loses=False)
    if key == "items":
        if not isinstance(value, list) or len(value) > MAX_ITEMS:
            yield Finding(where, "At most 200 items.", "EXCEEDED_MAX_ENTITIES", index)
        elif not all(
            isinstance(item, dict) and (item.get("item_id") or item.get("item_name")) for item in value
        ):
            yield Finding(where, "An item needs item_id or item_name.", "VALUE_REQUIRED", index, loses=False)
    elif isinstance(value, str):
        if len(value) > _LONG_VALUES.get(key, 100):
            yield Finding(where, "Value is too long.", "VALUE_OUT_OF_BOUNDS", index, loses=False)
    elif not (is_number(value) or isinstance(value, bool)):
        yield Finding(where, "Not a string, number or boolean.", "VALUE_INVALID", index)
