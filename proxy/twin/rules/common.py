"""Checks that several vendors share. None of them looks at more than one value."""

from __future__ import annotations

import math
import re
import socket
from collections.abc import Collection
from typing import Any

_SHA256_HEX = re.compile(r"[0-9a-f]{64}")
_URL = re.compile(r"https?://[^\s/?#]+\S*", re.IGNORECASE)
_CURRENCY = re.compile(r"[A-Za-z]{3}")
_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)


def is_text(value: Any) -> bool:
    """Tell whether it is a string with something in it."""
    return isinstance(value, str) and bool(value)


def is_one_of(value: Any, names: Collection[str]) -> bool:
    """One of these strings; also safe for values that cannot be hashed."""
    return isinstance(value, str) and value in names


def is_number(value: Any) -> bool:
    """Tell whether it is a finite number; neither a boolean nor a number in quotes."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def is_integer(value: Any) -> bool:
    """Tell whether it is a whole number of integer type."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_sha256_hex(value: Any) -> bool:
    """64 lower-case hexadecimal digits."""
    return isinstance(value, str) and _SHA256_HEX.fullmatch(value) is not None


def is_url(value: Any) -> bool:
    """Tell whether it is an absolute http or https address."""
    return isinstance(value, str) and _URL.fullmatch(value) is not None


def is_currency(value: Any) -> bool:
    """Three letters, as ISO 4217 has them."""
    return isinstance(value, str) and _CURRENCY.fullmatch(value) is not None


def is_uuid(value: Any) -> bool:
    """Tell whether it is a UUID with its dashes."""
    return isinstance(value, str) and _UUID.fullmatch(value) is not None


def is_ip(value: Any) -> bool:
    """Tell whether it is a complete IPv4 or IPv6 address; masked forms such as ``203.0.113.x`` are none."""
    if not isinstance(value, str):
        return False
    try:
        socket.inet_pton(socket.AF_INET6 if ":" in value else socket.AF_INET, value)
    except (OSError, ValueError):  # ValueError: an embedded null character
        return False
    return True
