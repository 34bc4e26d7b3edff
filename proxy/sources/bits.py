"""Strings of bits in base64url, as the IAB's consent formats write them: read strictly. Pure.

A segment is big-endian bits, six to a character. What the readers here are given is never longer than the text says and
never shorter than they claim: every read is checked against the number of bits that were really there.
"""

from __future__ import annotations

import binascii
import struct
from typing import Final

# `-` and `_` are base64url's own letters; `+`, `/` and `=` belong to other alphabets and must not pass for anything.
_TO_STANDARD: Final = bytes.maketrans(b"-_+/=", b"+/!!!")
# Reads may look this far past the last bit; what they find there is checked and thrown away by the caller.
_SLACK: Final = b"\x00" * 8
_ALL_ONES: Final = (1 << 64) - 1
_WINDOW: Final = struct.Struct(">Q").unpack_from


def unpack(text: str) -> bytes | None:
    """Return the bits of one segment, followed by zeros; ``6 * len(text)`` bits are the segment's own.

    None for an empty text, for a character outside base64url, and for a length that no whole number of bytes has
    (one more than a multiple of four): such a text was cut off or padded.
    """
    length = len(text)
    if not length or length % 4 == 1 or not text.isascii():
        return None
    standard = text.encode("ascii").translate(_TO_STANDARD)
    try:
        # Letters for padding, not "=": the last character's bits stay readable, so that they can be checked.
        return binascii.a2b_base64(standard + b"AAA"[: -length % 4], strict_mode=True) + _SLACK
    except binascii.Error:
        return None


def number(data: bytes, position: int, width: int) -> int:
    """Return ``width`` bits (at most 57) from bit ``position``.

    Raises:
        struct.error: the position lies more than a word past the end.
    """
    (window,) = _WINDOW(data, position >> 3)
    value: int = (window >> (64 - width - (position & 7))) & ((1 << width) - 1)
    return value


def field(data: bytes, position: int, width: int) -> int:
    """Return ``width`` bits, however many, from bit ``position``; past the end there are none, so check first."""
    end = position + width
    last = (end + 7) >> 3
    return (int.from_bytes(data[position >> 3 : last], "big") >> (last * 8 - end)) & ((1 << width) - 1)


def ends_well(data: bytes, used: int, length: int) -> bool:
    """Tell whether a segment of ``length`` characters ends where its last field does, after ``used`` bits.

    The IAB's library fills up to a multiple of 24 bits, others to whole bytes; the filling is zeros. Anything longer,
    shorter or not zero is no spelling of these fields: something was cut off, added, or means more than we know.
    """
    if length != (used + 23) // 24 * 4 and length != ((used + 7) // 8 * 8 + 5) // 6:
        return False
    rest = 6 * length - used
    return not rest or not (_WINDOW(data, used >> 3)[0] << (used & 7) & _ALL_ONES) >> (64 - rest)
