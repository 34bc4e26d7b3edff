"""What Microsoft Advertising's UET Conversions API refuses, event by event.

Source: Microsoft, UET Conversions API integration guide.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from proxy.twin.rules.common import (
    is_currency,
    is_integer,
    is_ip,
    is_number,
    is_one_of,
    is_sha256_hex,
    is_text,
    is_url,
    is_uuid,
)

MAX_EVENTS = 1000
MAX_AGE_SECONDS = 7 * 86_400
FUTURE_SECONDS = 60
"""Tolerance for clocks; Microsoft publishes no figure."""

_IDENTIFIERS = ("anonymousId", "externalId", "em", "ph", "msclkid", "idfa", "gaid")
_PAGE_TYPES = frozenset("home category product cart purchase searchresults other".split())


@dataclass(frozen=True, slots=True)
class Detail:
    """One entry of ``error.details``.

    Attributes:
        index: The event concerned; None = the request.
        property_name: E.g. ``data[0].eventType``.
        message: Why.
        code: ``errorCode``.
        warning: ``isWarning``: the field was left out, the event counts.
        attempted: ``attemptedValue``. The vendor repeats what it was sent, so a client must never log it.
    """

    index: int | None
    property_name: str
    message: str
    code: str
    warning: bool = False
    attempted: Any = field(default=None, repr=False)


def validate(body: Any, now: float) -> list[Detail]:
    """Check a request.

    Args:
        body: Parsed JSON.
        now: Unix seconds.
    """
    data = body.get("data") if isinstance(body, dict) else None
    if not isinstance(data, list) or not data:
        return [Detail(None, "data", "'Data' must not be empty.", "NotEmptyValidator")]
    if len(data) > MAX_EVENTS:
        return [Detail(None, "data", f"At most {MAX_EVENTS} events per request.", "MaximumCountValidator")]
    found: list[Detail] = []
    if not isinstance(body.get("continueOnValidationError", False), bool):
        found.append(Detail(None, "continueOnValidationError", "Not a boolean.", "InvalidType"))
    for index, event in enumerate(data):
        at = f"data[{index}]"
        if isinstance(event, dict):
            found.extend(_event(event, index, at, now))
        else:
            found.append(Detail(index, at, "An event is an object.", "InvalidType"))
    return found


def _event(event: dict[str, Any], index: int, at: str, now: float) -> Iterator[Detail]:
    kind = event.get("eventType")
    if not is_one_of(kind, ("pageLoad", "custom")):
        yield Detail(
            index, f"{at}.eventType", "'eventType' is pageLoad or custom.", "EnumValidator", attempted=kind
        )
    time: Any = event.get("eventTime")
    if not is_integer(time) or not now - MAX_AGE_SECONDS <= time <= now + FUTURE_SECONDS:
        yield Detail(
            index,
            f"{at}.eventTime",
            "Not Unix seconds of the last 7 days.",
            "EventTimeValidator",
            attempted=time,
        )
    if kind == "pageLoad" and "eventSourceUrl" not in event:
        yield Detail(
            index, f"{at}.eventSourceUrl", "'eventSourceUrl' must not be empty.", "NotEmptyValidator"
        )
    yield from _fields({k: v for k, v in event.items() if k not in _SEEN}, _EVENT_FIELDS, index, at)
    users = event.get("userData")
    if not isinstance(users, dict):
        yield Detail(index, f"{at}.userData", "'userData' must not be empty.", "NotEmptyValidator")
    else:
        yield from _fields(users, _USER_FIELDS, index, f"{at}.userData")
        if not any(users.get(key) for key in _IDENTIFIERS):
            yield Detail(
                index, f"{at}.userData", "At least one identifier is required.", "IdentifierValidator"
            )
    custom = event.get("customData", {})
    if not isinstance(custom, dict):
        yield Detail(index, f"{at}.customData", "Not an object.", "InvalidType")
        return
    yield from _fields(custom, _CUSTOM_FIELDS, index, f"{at}.customData")
    if "value" in custom and "currency" not in custom:
        yield Detail(index, f"{at}.customData.currency", "Required with 'value'.", "NotEmptyValidator")


def _fields(
    data: Mapping[str, Any], known: Mapping[str, Callable[[Any], bool]], index: int, at: str
) -> Iterator[Detail]:
    for key, value in data.items():
        name = f"{at}.{key[:40]}"
        valid = known.get(key)
        if valid is None:
            yield Detail(index, name, "Unknown property was left out.", "UnknownProperty", warning=True)
        elif not valid(value):
            yield Detail(index, name, "The value is not valid.", "InvalidValue", attempted=value)


def _is_string(value: Any) -> bool:
    return isinstance(value, str)


def _is_click_id(value: Any) -> bool:
    return is_text(value) and not value.startswith("_uet")


def _is_item_list(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(item, dict)
        and item.keys() <= {"id", "name", "price", "quantity"}
        and is_text(item.get("id"))
        and is_number(item.get("price", 0))
        and is_number(item.get("quantity", 0))
        for item in value
    )


_SEEN = frozenset({"eventType", "eventTime", "userData", "customData"})
_EVENT_FIELDS: Mapping[str, Callable[[Any], bool]] = {
    "eventName": is_text,
    "eventId": is_text,
    "eventSourceUrl": is_url,
    "pageLoadId": is_uuid,
    "referrerUrl": is_url,
    "pageTitle": _is_string,
    "keywords": _is_string,
    "adStorageConsent": lambda value: is_one_of(value, ("G", "D")),
}
_USER_FIELDS: Mapping[str, Callable[[Any], bool]] = {
    "clientUserAgent": is_text,
    "clientIpAddress": is_ip,
    "anonymousId": is_text,
    "externalId": is_text,
    "em": is_sha256_hex,
    "ph": is_sha256_hex,
    "msclkid": _is_click_id,
    "idfa": is_text,
    "gaid": is_text,
}
_CUSTOM_FIELDS: Mapping[str, Callable[[Any], bool]] = {
    "eventCategory": _is_string,
    "eventLabel": _is_string,
    "eventValue": is_number,
    "searchTerm": _is_string,
    "transactionId": is_text,
    "value": is_number,
    "currency": is_currency,
    "items": _is_item_list,
    "itemIds": lambda value: isinstance(value, list) and all(map(is_text, value)),
    "pageType": lambda value: is_one_of(value, _PAGE_TYPES),
    "ecommTotalValue": is_number,
    "ecommCategory": _is_string,
    "hotelData": lambda value: isinstance(value, dict),
}
