"""Strict reading of what banner cookies are written in: percent escapes, JSON, base64, times. Pure.

Everything here raises ``GarbledError`` for what it cannot understand, with nothing of the text in it.
"""

import binascii
import re
from datetime import datetime

import orjson

from proxy.sources.cmp._family import GarbledError

_TOKEN = re.compile(r"[A-Za-z0-9+/=_.:~-]{1,128}")
# Nothing that a visitor decided before then can count now.
_EARLIEST_MS = 1_420_070_400_000
_MOST_DIGITS = 16


def unescape(text: str) -> str:
    """Undo percent escapes once.

    The standard library's decoder takes 20 µs for a typical cookie. Quoted-printable is the same with another escape
    character, and is decoded in C. It lets malformed escapes stand; the length tells, as every good one is two shorter.

    Raises:
        GarbledError: an escape is malformed, or it is not UTF-8.
    """
    if "%" not in text:
        return text
    if (
        "\n" in text or "\r" in text
    ):  # a line's end means something in quoted-printable, and nothing in a cookie
        raise GarbledError
    try:
        raw = text.encode()
        plain = binascii.a2b_qp(raw.replace(b"=", b"=3D").replace(b"%", b"="))
        if len(plain) != len(raw) - 2 * raw.count(b"%"):
            raise GarbledError
        return plain.decode()
    except UnicodeError:
        raise GarbledError from None


def opened(text: str) -> str:
    """Return a text that begins with a brace, undoing up to two layers of escapes.

    Some platforms escape quotes and commas only, so a brace alone does not show that nothing is escaped.

    Raises:
        GarbledError: there is no brace under them.
    """
    for _ in range(2):
        if text.startswith("{") and not text.startswith("{%"):
            return text
        text = unescape(text)
    if not text.startswith("{"):
        raise GarbledError
    return text


def json_object(text: str) -> dict[str, object]:
    """Read a JSON object, escaped or not. Of a key that occurs twice the last counts, as it does in browsers.

    Raises:
        GarbledError: it is not one, or nested too deeply.
    """
    return _loads(opened(text))


def base64_object(text: str) -> dict[str, object]:
    """Read a JSON object in base64.

    Raises:
        GarbledError: it is not one.
    """
    text = unescape(text)
    try:
        raw = binascii.a2b_base64(text + "=" * (-len(text) % 4), strict_mode=True)
    except ValueError:
        raise GarbledError from None
    return _loads(raw)


def _loads(raw: str | bytes) -> dict[str, object]:
    try:
        value: object = orjson.loads(raw)
    except orjson.JSONDecodeError:
        raise GarbledError from None
    if not isinstance(value, dict):
        raise GarbledError
    return value


def member(parent: dict[str, object], key: str) -> dict[str, object]:
    """Return an object within an object; one that is absent is empty.

    Raises:
        GarbledError: there is something else.
    """
    value = parent.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise GarbledError
    return value


def texts(value: object) -> list[str]:
    """Return a list of texts; an absent one is empty.

    Raises:
        GarbledError: it is not a list, or has something else in it.
    """
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise GarbledError
    return value


def moment(value: object) -> int | None:
    """Read a time as the browser writes it, ISO 8601 with a zone, or Unix seconds or milliseconds. None if absent.

    Returns:
        Unix ms.

    Raises:
        GarbledError: it is no time, or one before 2015.
    """
    if value is None or value == "":
        return None
    if isinstance(value, str):
        time = _written(value)
    elif isinstance(value, int) and not isinstance(value, bool):
        time = value
    else:
        raise GarbledError
    if 0 < time < 100_000_000_000:  # seconds: as milliseconds they would lie before 1974
        time *= 1000
    if not _EARLIEST_MS <= time < 10_000_000_000_000:
        raise GarbledError
    return time


def _written(text: str) -> int:
    if text.isdigit() and text.isascii() and len(text) <= _MOST_DIGITS:
        return int(text)
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise GarbledError from None
    if time.tzinfo is None:
        raise GarbledError
    try:
        return round(time.timestamp() * 1000)
    except OverflowError:
        raise GarbledError from None


def token(value: object) -> str | None:
    """Return an id that can stand as proof: printable, short, without blanks. None if it is anything else."""
    if not isinstance(value, str) or not _TOKEN.fullmatch(value):
        return None
    return value
