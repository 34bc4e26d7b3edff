"""Address literals in outgoing text: whatever is more than a truncated address. Pure, and quick on megabytes of JSON.

What ``proxy.scrub`` redacts is a superset of what is found here (a property test holds the two together), so that this
never stops an event whose text reduction has seen. Hosts of URLs are servers' addresses, not visitors', and are let be.
"""

import re
from socket import AF_INET, AF_INET6, inet_pton
from typing import Final

# Each begins with a literal character that ``re`` skips to quickly. What they stop at is then judged in its surroundings.
# An IPv4 address that ends in .0 is truncated already, or a browser's version.
_DOTTED: Final = re.compile(rb"\.[0-9]{1,3}\.[0-9]{1,3}\.(?!0(?![0-9]))[0-9]")
_COLONS: Final = re.compile(
    rb":(?::|[0-9A-Fa-f]{1,4}:(?::|[0-9A-Fa-f]{1,4}:))"
)  # not the two colons of a time

_NO_HOST = rb"(?<!://)(?<!://\[)(?<!%2F%2F)(?<!%2f%2f)"
_IPV4: Final = re.compile(
    rb"(?<![0-9.])" + _NO_HOST + rb"[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}(?!\.?[0-9])"
)
_IPV6: Final = re.compile(
    rb"(?<![0-9A-Za-z:.])" + _NO_HOST + rb"[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?![0-9A-Za-z:])"
)
_AROUND = 64


def holds_address(text: bytes) -> bool:
    """Tell whether a text shows an IPv4 address that does not end in .0, or an IPv6 address longer than /48.

    Args:
        text: UTF-8.
    """
    return any(_is_ipv4(text, found) for found in _DOTTED.finditer(text)) or any(
        _is_ipv6(text, found) for found in _COLONS.finditer(text)
    )


def _is_ipv4(text: bytes, hit: re.Match[bytes]) -> bool:
    found = _spanning(_IPV4, text, hit)
    if found is None:
        return False
    try:
        return inet_pton(AF_INET, found.decode())[3] != 0
    except OSError:
        return False


def _is_ipv6(text: bytes, hit: re.Match[bytes]) -> bool:
    found = _spanning(_IPV6, text, hit)
    # Short forms such as 10::30 or d::b are times and names of things, not visitors' addresses.
    if found is None or (found.count(b":") < 3 and (found[:1] not in b"23fF" or found.find(b":") != 4)):
        return False
    try:
        return any(inet_pton(AF_INET6, found.decode())[6:])
    except OSError:
        return False


def _spanning(pattern: re.Pattern[bytes], text: bytes, hit: re.Match[bytes]) -> bytes | None:
    """Return what the pattern finds around a hit, judged with enough before and after it to see where it begins."""
    start = max(hit.start() - _AROUND, 0)
    at = hit.start() - start
    window = text[start : hit.end() + _AROUND]
    return next((one[0] for one in pattern.finditer(window) if one.start() <= at < one.end()), None)
