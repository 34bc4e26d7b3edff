"""The US sections of a GPP string, as far as they tell whether the visitor has opted out. Pure.

IAB Tech Lab: Global Privacy Platform, sections 6 to 27. All of them state opt-outs; none states a consent, so none ever
grants anything. A section that cannot be understood might hold an opt-out, and is reported as such.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_SIX: Final = {letter: format(value, "06b") for value, letter in enumerate(_LETTERS)}
_USP: Final = re.compile(r"1[-YN]{3}")
# In every two-bit field: 0 does not apply, 1 yes (opted out), 2 no. 3 is not a value.
_OPTED_OUT: Final = "01"
_IMPOSSIBLE: Final = "11"
USP: Final = 6


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where a section keeps its opt-outs from sale, sharing and targeted advertising.

    ``sizes`` maps each known version to the number of bits of its core; ``opt_outs`` are bit positions. ``second`` tells
    what the sub-section after the dot is: GPC, eight fields about sensitive data, or nothing known.
    """

    sizes: dict[int, int]
    opt_outs: tuple[int, ...]
    second: str = "gpc"


_LAYOUTS: Final[dict[int, _Layout]] = {
    7: _Layout({1: 60, 2: 70}, (18, 20, 22)),  # the nation
    8: _Layout({1: 46}, (12, 14)),  # California: sale and sharing
    9: _Layout({1: 40}, (12, 14), ""),  # Virginia; from here on sale and targeted advertising
    10: _Layout({1: 38}, (12, 14)),  # Colorado
    11: _Layout({1: 42}, (14, 16), ""),  # Utah
    12: _Layout({1: 44}, (12, 14)),  # Connecticut
    13: _Layout({1: 46}, (12, 14), ""),  # Florida
    14: _Layout({1: 46}, (12, 14)),  # Montana
    15: _Layout({1: 52}, (12, 14)),  # Oregon
    16: _Layout({1: 42}, (12, 14)),  # Texas
    17: _Layout({1: 52}, (12, 14)),  # Delaware
    18: _Layout({1: 42}, (14, 16)),  # Iowa
    19: _Layout({1: 42}, (12, 14)),  # Nebraska
    20: _Layout({1: 46}, (12, 14)),  # New Hampshire
    21: _Layout({1: 54}, (12, 14)),  # New Jersey
    22: _Layout({1: 42}, (12, 14)),  # Tennessee
    23: _Layout({1: 42}, (12, 14)),  # Minnesota
    24: _Layout({1: 22}, (16, 18)),  # Maryland
    25: _Layout({1: 24}, (16, 18), "sensitive"),  # Indiana
    26: _Layout({1: 24}, (16, 18), "sensitive"),  # Kentucky
    27: _Layout({1: 24}, (16, 18), "sensitive"),  # Rhode Island
}
US_SECTIONS: Final = frozenset({USP, *_LAYOUTS})


@dataclass(frozen=True, slots=True)
class UsChoice:
    """What US sections say: an opt-out from sale, sharing or targeted advertising, and whether the browser sent GPC."""

    opted_out: bool
    gpc: bool


def bit_text(text: str) -> str | None:
    """Return the bits of a short base64url text as digits, or None if it holds another character or nothing."""
    try:
        return "".join([_SIX[letter] for letter in text]) or None
    except KeyError:
        return None


def filled(bits: str, used: int) -> bool:
    """Tell whether nothing but an encoder's filling (zeros, up to a multiple of 24 bits) follows the used bits."""
    return used <= len(bits) <= (used + 23) // 24 * 24 and "1" not in bits[used:]


def decode_us(section: int, text: str) -> UsChoice | None:
    """Read one US section (one of ``US_SECTIONS``); None if it cannot be understood."""
    if section == USP:
        return decode_usp(text)
    layout = _LAYOUTS[section]
    core, *more = text.split(".")
    bits = bit_text(core)
    if bits is None or len(more) > (1 if layout.second else 0):
        return None
    size = layout.sizes.get(int(bits[:6], 2))
    if size is None or not filled(bits, size):
        return None
    if _impossible(bits, 6, size):
        return None
    gpc = _second(layout.second, more[0]) if more else False
    if gpc is None:
        return None
    opted_out = any(bits[place : place + 2] == _OPTED_OUT for place in layout.opt_outs)
    return UsChoice(opted_out, gpc)


def _impossible(bits: str, start: int, end: int) -> bool:
    return _IMPOSSIBLE in [bits[place : place + 2] for place in range(start, end, 2)]


def _second(kind: str, text: str) -> bool | None:
    """Read the part after the dot: whether GPC is on, or None if it is not what stands there by the specification."""
    bits = bit_text(text)
    if bits is None:
        return None
    if kind == "sensitive":
        return False if filled(bits, 16) and not _impossible(bits, 0, 16) else None
    if bits[:2] != "01" or not filled(bits, 3):
        return None
    return bits[2] == "1"


def decode_usp(text: str) -> UsChoice | None:
    """Read a US Privacy string such as ``1YNN`` (IAB: US Privacy String 1): the third character tells of an opt-out."""
    if _USP.fullmatch(text) is None:
        return None
    return UsChoice(text[2] == "Y", gpc=False)
