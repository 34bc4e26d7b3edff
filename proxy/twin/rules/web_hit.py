"""What Google Analytics' web protocol (``/g/collect``, version 2) needs in a hit, and what must not be in one.

Google does not document it and answers 204 to anything. The rules follow what its tag was seen to send; those on consent
follow Google's help on Consent Mode: without ``analytics_storage`` no id of the user, without ``ad_user_data`` no hashes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from ipaddress import ip_address

REQUIRED = ("tid", "cid", "en")
_TID = re.compile(r"G-[A-Z0-9]+")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,39}")
_DIGITS = re.compile(r"[0-9]{1,20}")
_GCS = re.compile(r"G1[01-][01-]")
_ITEM = re.compile(r"pr([0-9]+)")
_OF_THE_USER = frozenset({"uid", "auid", "em", "ec_mode", "ecid", "_ecid", "_gsid", "_fplc", "fp"})
_HASHED = frozenset({"em", "ec_mode", "ecid", "_ecid"})
_FOREIGN_HEADERS = frozenset({"cookie", "x-forwarded-for", "forwarded", "x-real-ip", "via"})
_MOST_ITEMS = 200


def missing(hit: Mapping[str, str]) -> list[str]:
    """Return the required parameters that a hit lacks; without one of them it counts for nothing."""
    lacking = [key for key in REQUIRED if not hit.get(key)]
    return lacking if hit.get("v") == "2" else [*lacking, "v"]


def findings(hit: Mapping[str, str]) -> Iterator[str]:
    """Yield what else is wrong with a hit, in words that name no value."""
    yield from _shapes(hit)
    yield from _consent(hit)
    address = hit.get("_uip")
    if address is not None and not _is_public(address):
        yield "VALUE_INVALID _uip"
    if any(key.startswith("sst.") for key in hit):
        yield "VALUE_INVALID sst"


def _shapes(hit: Mapping[str, str]) -> Iterator[str]:
    for key, shape in (("tid", _TID), ("en", _NAME), ("sid", _DIGITS), ("_p", _DIGITS), ("gcs", _GCS)):
        if hit.get(key) and not shape.fullmatch(hit[key]):
            yield f"VALUE_INVALID {key}"
    for key, value in hit.items():
        if key.startswith(("epn.", "upn.")) and not _is_number(value):
            yield "VALUE_INVALID epn"
        item = _ITEM.fullmatch(key)
        if item is not None:
            if not 1 <= int(item[1]) <= _MOST_ITEMS:
                yield "EXCEEDED_MAX_ENTITIES pr"
            if not {field[:2] for field in value.split("~")} & {"id", "nm"}:
                yield "VALUE_REQUIRED pr"


def _consent(hit: Mapping[str, str]) -> Iterator[str]:
    present = {key for key in hit if key in _OF_THE_USER or key.startswith(("up.", "upn."))}
    if hit.get("gcs", "")[3:4] == "0" and present:
        yield "DENIED user"
    if hit.get("dma_cps") == "-" and not present.isdisjoint(_HASHED):
        yield "DENIED hashes"


def foreign_headers(names: Iterable[str]) -> list[str]:
    """Return the headers that tell Google more of the visitor than the hit itself."""
    return [f"HEADER {name}" for name in names if name in _FOREIGN_HEADERS]


def _is_public(text: str) -> bool:
    try:
        return ip_address(text).is_global or _is_for_documents(text)
    except ValueError:
        return False


def _is_for_documents(text: str) -> bool:
    """Tell whether it is an address that tests use in place of real ones (RFC 5737, RFC 3849)."""
    return text.startswith(("192.0.2.", "198.51.100.", "203.0.113.", "2001:db8:"))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
