"""What Data Manager's ``events:ingest`` refuses at once; one violation fails the whole request.

Source: Google, Data Manager API: events.ingest, send events, understand errors, formatting.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Any

from proxy.twin.rules.data_manager_schema import EVENT, REQUEST
from proxy.twin.rules.proto_json import Violation, check, parse_timestamp, snake_keys

MAX_EVENTS = 2000
MAX_DESTINATIONS = 10
MAX_IDENTIFIERS = 10
MAX_FUTURE_SECONDS = 600
"""How far ahead an event's time may be; Google publishes no figure."""

_HEX = re.compile(r"[0-9A-Fa-f]+")
_CURRENCY = re.compile(r"[A-Z]{3}")
_COUNTRY = re.compile(r"[A-Z]{2}")
_HASHED_ADDRESS = ("given_name", "family_name", "address_line")
_CLICK_IDS = ("gclid", "gbraid", "wbraid", "dclid", "impression_id", "match_id", "mobile_device_id")


def validate(body: Any, now: float) -> list[Violation]:
    """Check an ``IngestEventsRequest``.

    Args:
        body: The request as parsed JSON, keys in either spelling.
        now: Unix seconds.
    """
    return validate_snake(snake_keys(body), now)


def validate_snake(data: Any, now: float) -> list[Violation]:
    """Check JSON that ``snake_keys`` has gone through already."""
    if not isinstance(data, dict):
        return [Violation("", "Invalid JSON payload received.", "INVALID_FORMAT")]
    found: list[Violation] = []
    events = data.get("events")
    rest = {key: value for key, value in data.items() if key not in {"events", "encryption_info"}}
    check(rest, REQUEST, "", found)
    destinations = _check_destinations(data.get("destinations"), found)
    if not isinstance(events, list) or not events:
        found.append(_missing("events"))
        return found
    if len(events) > MAX_EVENTS:
        return [Violation("events", f"At most {MAX_EVENTS} events per request.", "TOO_MANY_EVENTS")]
    request = _Request(destinations, data.get("encoding"), now)
    for index, event in enumerate(events):
        at = f"events.events[{index}]"
        before = len(found)
        check(event, EVENT, at, found)
        if len(found) == before:  # types hold, so the rules below may rely on them
            _check_event(event or {}, at, request, found)
    return found


def _check_destinations(value: Any, found: list[Violation]) -> dict[str, str]:
    """Check the destinations; returns account type by reference."""
    if not isinstance(value, list) or not value:
        found.append(_missing("destinations"))
        return {}
    if len(value) > MAX_DESTINATIONS:
        found.append(
            Violation("destinations", "At most 10 destinations per request.", "TOO_MANY_DESTINATIONS")
        )
    types: dict[str, str] = {}
    for index, item in enumerate(value):
        at = f"destinations[{index}]"
        destination = item if isinstance(item, dict) else {}
        account = destination.get("operating_account")
        kind = _check_account(account if isinstance(account, dict) else {}, f"{at}.operating_account", found)
        _check_product(destination.get("product_destination_id"), kind, f"{at}.product_destination_id", found)
        reference = str(destination.get("reference") or f"#{index}")
        if reference in types:
            found.append(
                Violation(f"{at}.reference", "Reference is not unique.", "DUPLICATE_DESTINATION_REFERENCE")
            )
        types[reference] = kind
    return types


def _check_account(account: dict[str, Any], at: str, found: list[Violation]) -> str:
    kind, number = account.get("account_type") or account.get("product"), account.get("account_id")
    if not kind:
        found.append(_missing(f"{at}.account_type"))
    if not number:
        found.append(_missing(f"{at}.account_id"))
    elif not (isinstance(number, str) and number.isdecimal()):
        found.append(Violation(f"{at}.account_id", "An account id has digits only.", "INVALID_NUMBER_FORMAT"))
    return str(kind)


def _check_product(value: Any, kind: str, at: str, found: list[Violation]) -> None:
    if not value:
        found.append(_missing(at))
    elif kind == "GOOGLE_ANALYTICS_PROPERTY":
        if not str(value).startswith("G-"):
            found.append(Violation(at, "Not a measurement id.", "INVALID_DESTINATION"))
    elif not str(value).isdecimal():
        found.append(Violation(at, "Not the id of a conversion action.", "INVALID_CONVERSION_ACTION_ID"))


@dataclass(frozen=True, slots=True)
class _Request:
    """What the rules for an event need of its request: account type by reference, encoding, and the time."""

    destinations: dict[str, str]
    encoding: str | None
    now: float


def _check_event(event: dict[str, Any], at: str, request: _Request, found: list[Violation]) -> None:
    destinations = request.destinations
    references = event.get("destination_references") or list(destinations)
    if not set(references) <= set(destinations):
        found.append(Violation(f"{at}.destination_references", "No such reference.", "INVALID_DESTINATION"))
    analytics = any(destinations.get(name) == "GOOGLE_ANALYTICS_PROPERTY" for name in references)
    required = (
        ("event_timestamp", "event_name")
        if analytics
        else ("event_timestamp", "event_source", "transaction_id")
    )
    found.extend(_missing(f"{at}.{key}") for key in required if not event.get(key))
    moment = parse_timestamp(event.get("event_timestamp"))
    if moment is not None and moment > request.now + MAX_FUTURE_SECONDS:
        found.append(Violation(f"{at}.event_timestamp", "The time is in the future.", "EVENT_TIME_INVALID"))
    currency = event.get("currency")
    if currency is not None and not _CURRENCY.fullmatch(currency):
        found.append(Violation(f"{at}.currency", "Not an ISO 4217 code.", "INVALID_CURRENCY_CODE"))
    identifiers = (event.get("user_data") or {}).get("user_identifiers") or []
    if not identifiers and not _has_other_identifier(event, analytics=analytics):
        found.append(Violation(at, "At least one identifier is required.", "NO_IDENTIFIERS_PROVIDED"))
    _check_identifiers(identifiers, f"{at}.user_data.user_identifiers", request.encoding, found)


def _has_other_identifier(event: dict[str, Any], *, analytics: bool) -> bool:
    ads = event.get("ad_identifiers") or {}
    if (
        any(ads.get(key) for key in _CLICK_IDS)
        or ads.get("encrypted_user_ids")
        or ads.get("session_attributes")
    ):
        return True
    devices = (ads.get("landing_page_device_info") or {}, event.get("event_device_info") or {})
    if any(device.get("ip_address") for device in devices):
        return True
    return analytics and bool(event.get("client_id") or event.get("user_id") or event.get("app_instance_id"))


def _check_identifiers(identifiers: list[Any], at: str, encoding: str | None, found: list[Violation]) -> None:
    if not identifiers:
        return
    if encoding is None:
        if not any(item.field == "encoding" for item in found):
            found.append(_missing("encoding"))
        encoding = "HEX"
    if len(identifiers) > MAX_IDENTIFIERS:
        found.append(Violation(at, "At most 10 identifiers per event.", "TOO_MANY_USER_IDENTIFIERS"))
    for index, identifier in enumerate(identifiers):
        here = f"{at}[{index}]"
        if not isinstance(identifier, dict) or len(identifier) != 1:
            found.append(Violation(here, "Exactly one identifier per entry.", "INVALID_FORMAT"))
            continue
        ((key, value),) = identifier.items()
        if key == "address":
            _check_address(value or {}, f"{here}.address", encoding, found)
        else:
            _check_hash(value, f"{here}.{key}", encoding, found)


def _check_address(address: dict[str, Any], at: str, encoding: str, found: list[Violation]) -> None:
    for key in _HASHED_ADDRESS:
        if address.get(key):
            _check_hash(address[key], f"{at}.{key}", encoding, found)
    found.extend(
        _missing(f"{at}.{key}")
        for key in ("given_name", "family_name", "region_code", "postal_code")
        if not address.get(key)
    )
    country = address.get("region_code")
    if country and not _COUNTRY.fullmatch(country):
        found.append(Violation(f"{at}.region_code", "Not an ISO 3166-1 code.", "INVALID_COUNTRY_CODE"))


def _check_hash(value: Any, at: str, encoding: str, found: list[Violation]) -> None:
    text = str(value)
    if encoding == "BASE64":
        try:
            length = len(base64.b64decode(text, validate=True))
        except (binascii.Error, ValueError):
            found.append(Violation(at, "Not base64.", "INVALID_BASE64_ENCODING"))
            return
    elif _HEX.fullmatch(text):
        length = len(text) // 2 if len(text) % 2 == 0 else 0
    else:
        found.append(Violation(at, "Not hexadecimal.", "INVALID_HEX_ENCODING"))
        return
    if length != 32:
        found.append(Violation(at, "Not the length of a SHA-256 value.", "INVALID_SHA256_FORMAT"))


def _missing(field: str) -> Violation:
    return Violation(field, "A required field is missing.", "REQUIRED_FIELD_MISSING")
