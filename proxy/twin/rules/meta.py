"""What Meta's Conversions API refuses. One bad event fails the whole request and nothing of it is used.

Source: Meta, Conversions API: server event, customer information and custom data parameters; best practices.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
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
)

MAX_EVENTS = 1000
MAX_AGE_SECONDS = 7 * 86_400
MAX_AGE_STORE_SECONDS = 62 * 86_400
FUTURE_SECONDS = 60
"""Tolerance for clocks; Meta refuses future times but publishes no figure."""

TOO_OLD, NO_VALUE, THIN = 2804003, 2804009, 2804050

ACTION_SOURCES = frozenset(
    "email website app phone_call chat physical_store system_generated business_messaging other".split()
)
_EVENT_KEYS = frozenset(
    """event_name event_time user_data action_source event_source_url event_id referrer_url opt_out custom_data
    data_processing_options data_processing_options_country data_processing_options_state app_data
    original_event_data customer_segmentation messaging_channel attribution_data advanced_measurement_table""".split()
)
_HASHED = frozenset("em ph fn ln db ge ct st zp country f5first f5last fi dobd dobm doby".split())
_PLAIN = frozenset(
    """external_id client_ip_address client_user_agent fbc fbp subscription_id fb_login_id lead_id anon_id madid
    page_id page_scoped_user_id ctwa_clid ig_account_id ig_sid""".split()
)
_TOO_THIN = tuple(
    frozenset(keys.split())
    for keys in ("ct country st zp ge client_user_agent", "db client_user_agent", "fn ge", "ln ge")
)
"""A set of keys within one of these names nobody: refused."""
_CONTENT_KEYS = frozenset("id quantity item_price delivery_category title description brand category".split())
_COOKIE = re.compile(r"fb\.\d{1,2}\.\d{1,15}\.[A-Za-z0-9_-]{1,500}(?:\.[A-Za-z0-9_-]{2,8})?")


@dataclass(frozen=True, slots=True)
class MetaError:
    """One reason to refuse a request.

    Attributes:
        param: Path of the parameter, for the record.
        subcode: Meta's ``error_subcode``; None = a plain invalid parameter.
        message: Meta's ``message``.
        detail: Meta's ``error_user_msg``.
    """

    param: str
    detail: str
    subcode: int | None = None
    message: str = "Invalid parameter"
    code: int = 100


def validate(data: Any, now: float) -> list[MetaError]:
    """Check the ``data`` of a request.

    Args:
        data: Parsed JSON, should be a list of 1 to 1000 events.
        now: Unix seconds.
    """
    if not isinstance(data, list) or not data:
        return [MetaError("data", "", message="(#100) The parameter data is required")]
    if len(data) > MAX_EVENTS:
        return [MetaError("data", f"Send at most {MAX_EVENTS} events in one request.")]
    found: list[MetaError] = []
    for index, event in enumerate(data):
        at = f"data[{index}]"
        if isinstance(event, dict):
            found.extend(_event(event, at, index, now))
        else:
            found.append(MetaError(at, "An event is an object."))
    return found


def _event(event: dict[str, Any], at: str, index: int, now: float) -> Iterator[MetaError]:
    for key in event:
        if key not in _EVENT_KEYS:
            yield _unexpected(key, f"$['data'][{index}]", at)
    if not is_text(event.get("event_name")):
        yield MetaError(f"{at}.event_name", "An event needs a name.")
    source = event.get("action_source")
    if not is_one_of(source, ACTION_SOURCES):
        yield MetaError(f"{at}.action_source", "Not a known action source.")
    yield from _time(event.get("event_time"), f"{at}.event_time", source, now)
    url = event.get("event_source_url")
    if not is_url(url) and (source == "website" or url is not None):
        yield MetaError(f"{at}.event_source_url", "A website event needs the address of its page.")
    yield from _optional(event, at)
    yield from _user_data(event.get("user_data"), f"{at}.user_data", index, website=source == "website")
    yield from _custom_data(event, at, index)


def _time(value: Any, at: str, source: Any, now: float) -> Iterator[MetaError]:
    if not is_integer(value):
        yield MetaError(at, "The time must be whole Unix seconds.")
        return
    limit = MAX_AGE_STORE_SECONDS if source == "physical_store" else MAX_AGE_SECONDS
    if value < now - limit:
        yield MetaError(at, "The timestamp for this event is too far in the past.", TOO_OLD)
    elif value > now + FUTURE_SECONDS:
        yield MetaError(at, "The timestamp for this event is in the future.")


def _optional(event: dict[str, Any], at: str) -> Iterator[MetaError]:
    for key in ("event_id", "referrer_url", "messaging_channel"):
        if key in event and not isinstance(event[key], str):
            yield MetaError(f"{at}.{key}", "Must be a string.")
    if "opt_out" in event and not isinstance(event["opt_out"], bool):
        yield MetaError(f"{at}.opt_out", "Must be a boolean.")
    if event.get("data_processing_options", []) not in ([], ["LDU"]):
        yield MetaError(f"{at}.data_processing_options", "Must be [] or ['LDU'].")


def _user_data(data: Any, at: str, index: int, *, website: bool) -> Iterator[MetaError]:
    if not isinstance(data, dict):
        yield MetaError(at, "An event needs user_data.")
        return
    for key, value in data.items():
        if key in _HASHED:
            values = value if isinstance(value, list) else [value]
            if not values or not all(map(is_sha256_hex, values)):
                yield MetaError(f"{at}.{key}", "Must be hashed with SHA-256, lower-case hexadecimal.")
        elif key not in _PLAIN:
            yield _unexpected(key, f"$['data'][{index}]['user_data']", at)
        elif not _PLAIN_CHECKS.get(key, _is_id)(value):
            yield MetaError(f"{at}.{key}", "Not a valid value.")
    if website and not is_text(data.get("client_user_agent")):
        yield MetaError(f"{at}.client_user_agent", "A website event needs the browser's user agent.")
    keys = data.keys()
    if any(keys <= thin for thin in _TOO_THIN):
        yield MetaError(at, "This event doesn't have enough customer information parameters.", THIN)


def _is_cookie(value: Any) -> bool:
    return isinstance(value, str) and _COOKIE.fullmatch(value) is not None


def _is_id(value: Any) -> bool:
    return (
        is_text(value)
        or is_integer(value)
        or (isinstance(value, list) and bool(value) and all(map(is_text, value)))
    )


_PLAIN_CHECKS: Mapping[str, Callable[[Any], bool]] = {
    "client_ip_address": is_ip,
    "client_user_agent": is_text,
    "fbc": _is_cookie,
    "fbp": _is_cookie,
    "fb_login_id": is_integer,
    "lead_id": is_integer,
}


def _custom_data(event: dict[str, Any], at: str, index: int) -> Iterator[MetaError]:
    data, at = event.get("custom_data", {}), f"{at}.custom_data"
    if not isinstance(data, dict):
        yield MetaError(at, "Must be an object.")
        return
    if event.get("event_name") == "Purchase" and ("value" not in data or "currency" not in data):
        yield MetaError(at, "A purchase event needs a value and a currency.", NO_VALUE)
    for key, value in data.items():
        valid = _CUSTOM_CHECKS.get(key, _is_custom)(value)
        if not valid:
            yield MetaError(f"{at}.{key[:40]}", "Not a valid value.")
        elif key == "contents":
            yield from _contents(value, f"{at}.contents", index)


def _contents(contents: list[Any], at: str, index: int) -> Iterator[MetaError]:
    for position, content in enumerate(contents):
        here = f"{at}[{position}]"
        if not isinstance(content, dict) or not _is_id(content.get("id")):
            yield MetaError(f"{here}.id", "A content needs an id.")
            continue
        for key in content:
            if key not in _CONTENT_KEYS:
                yield _unexpected(key, f"$['data'][{index}]['custom_data']['contents'][{position}]", here)
        if not is_integer(content.get("quantity", 1)) or not is_number(content.get("item_price", 0)):
            yield MetaError(here, "quantity is a whole number, item_price a number.")


def _is_custom(value: Any) -> bool:
    """Free properties: a scalar or a list of scalars."""
    values = value if isinstance(value, list) else [value]
    return all(isinstance(item, str | int | float | bool) for item in values)


_CUSTOM_CHECKS: Mapping[str, Callable[[Any], bool]] = {
    "value": lambda value: is_number(value) and value >= 0,
    "currency": is_currency,
    "content_ids": lambda value: isinstance(value, list) and all(map(is_text, value)),
    "content_type": lambda value: is_one_of(value, ("product", "product_group")),
    "contents": lambda value: isinstance(value, list),
    "num_items": is_integer,
    "order_id": is_text,
    "search_string": is_text,
    "delivery_category": lambda value: is_one_of(value, ("in_store", "curbside", "home_delivery")),
    "predicted_ltv": is_number,
    "net_revenue": is_number,
}


def _unexpected(key: str, param: str, at: str) -> MetaError:
    name = key[:40]
    return MetaError(f"{at}.{name}", "", message=f'(#100) Unexpected key "{name}" on param "{param}".')
