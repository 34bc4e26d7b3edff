"""Decodes TC strings, strictly: either every bit of a string is understood, or nothing of it counts. Pure.

There is no checksum in a TC string, and a decoder that reads what is missing as something grants what nobody granted.
So every length must come out exactly, every id must be possible, and nothing may be left over.
"""

from __future__ import annotations

import struct
from typing import Final

from proxy.sources.bits import ends_well, field, number, unpack
from proxy.sources.tcf_string import HEAD_BITS, PublisherTc, Restriction, TcfProblem, TcString, VendorSet

# The real vendor list, all of it accepted, makes 2.2 kB. Cookies end at 4 kB.
MAX_LENGTH: Final = 8192
_VERSION: Final = 2
_DISCLOSED, _ALLOWED, _PUBLISHER = 1, 2, 3
_Z: Final = 25
_BATCH: Final = 32
_EMPTY: Final = VendorSet(0)
_WORD: Final = struct.Struct(">Q").unpack_from


class _Bad(Exception):  # noqa: N818 - not an error of ours, only the way out of the readers below
    def __init__(self, problem: TcfProblem) -> None:
        super().__init__(problem.value)
        self.problem = problem


def decode(text: str) -> TcString | TcfProblem:
    """Return what a TC string says, or why it cannot be understood.

    Whether it still counts (age, policy, scope) is another question: see ``proxy.sources.tcf.standing``.
    """
    if len(text) > MAX_LENGTH:
        return TcfProblem.TOO_LONG
    segments = text.split(".")
    if len(segments) > 4:
        return TcfProblem.TOO_MANY_SEGMENTS
    try:
        return _decode(segments)
    except _Bad as bad:
        return bad.problem
    except struct.error:
        return TcfProblem.TRUNCATED


def _decode(segments: list[str]) -> TcString:
    disclosed: VendorSet | None = None
    allowed: VendorSet | None = None
    publisher: PublisherTc | None = None
    for segment in segments[1:]:
        data = unpack(segment)
        if data is None:
            raise _Bad(TcfProblem.NOT_BASE64URL)
        kind = data[0] >> 5
        if kind == _DISCLOSED and disclosed is None:
            disclosed = _only_vendors(data, len(segment))
        elif kind == _ALLOWED and allowed is None:
            allowed = _only_vendors(data, len(segment))
        elif kind == _PUBLISHER and publisher is None:
            publisher = _publisher(data, len(segment))
        else:
            raise _Bad(TcfProblem.SEGMENT)
    return _core(segments[0], disclosed, allowed, publisher)


def _core(
    text: str, disclosed: VendorSet | None, allowed: VendorSet | None, publisher: PublisherTc | None
) -> TcString:
    data = unpack(text)
    if data is None:
        raise _Bad(TcfProblem.NOT_BASE64URL)
    if data[0] >> 2 != _VERSION:
        raise _Bad(TcfProblem.VERSION)
    bits = 6 * len(text)
    if bits < HEAD_BITS:
        raise _Bad(TcfProblem.TRUNCATED)
    head = int.from_bytes(data[:27], "big") >> 3
    if not _possible(head):
        raise _Bad(TcfProblem.FIELD)
    consents, position = _vendors(data, HEAD_BITS, bits)
    interests, position = _vendors(data, position, bits)
    restrictions, position = _restrictions(data, position, bits)
    _end(data, position, len(text))
    return TcString(head, consents, interests, restrictions, disclosed, allowed, publisher)


def _possible(head: int) -> bool:
    """Tell whether a banner can have written this: CMP ids begin with 2, nothing is updated before it is made."""
    return (
        head >> 123 & 0xFFF > 1
        and head >> 171 & 0xFFFFFFFFF <= head >> 135 & 0xFFFFFFFFF
        and head >> 99 & 0x3F <= _Z
        and head >> 93 & 0x3F <= _Z
        and head >> 6 & 0x3F <= _Z
        and head & 0x3F <= _Z
    )


def _end(data: bytes, used: int, length: int) -> None:
    if used > 6 * length:
        raise _Bad(TcfProblem.TRUNCATED)
    if not ends_well(data, used, length):
        raise _Bad(TcfProblem.TRAILING)


def _only_vendors(data: bytes, length: int) -> VendorSet:
    vendors, position = _vendors(data, 3, 6 * length)
    _end(data, position, length)
    return vendors


def _vendors(data: bytes, position: int, bits: int) -> tuple[VendorSet, int]:
    """Read a set of vendors; return it and the position after it, which may be past the end: the caller checks."""
    (word,) = _WORD(data, position >> 3)
    shift = 47 - (position & 7)
    highest = (word >> (shift + 1)) & 0xFFFF
    if (word >> shift) & 1:
        count = (word >> (shift - 12)) & 0xFFF
        ranges, position = _ranges(data, position + 29, bits, count, highest)
        return VendorSet(highest, 0, ranges), position
    start = position + 17
    if not highest:
        return _EMPTY, start
    end = start + highest
    if end > bits:
        raise _Bad(TcfProblem.TRUNCATED)
    return VendorSet(highest, field(data, start, highest), ()), end


def _ranges(data: bytes, position: int, bits: int, count: int, highest: int) -> tuple[tuple[int, ...], int]:
    """Read so many entries, each a single id, or a first and a last one.

    Ids must ascend from entry to entry. Nobody writes them otherwise, and a flipped bit mostly shows by it. A few dozen
    entries at a time become one number: shifting that is cheaper than cutting each entry out of the bytes, and shifting
    the whole segment would cost the square of its length.
    """
    if position + 17 * count > bits:
        raise _Bad(TcfProblem.TRUNCATED)
    found: list[int] = []
    add = found.append
    before = 0
    while count:
        batch = min(count, _BATCH)
        count -= batch
        first = position >> 3
        size = (batch * 33 >> 3) + 2
        # Past the end there are zeros, and zero is no vendor.
        rest = int.from_bytes(data[first : first + size].ljust(size, b"\x00"), "big")
        before_batch = left = size * 8 - (position & 7)
        for _ in range(batch):
            left -= 17
            start = end = rest >> left & 0x1FFFF
            if start > 0xFFFF:
                left -= 16
                start, end = start & 0xFFFF, rest >> left & 0xFFFF
            if not before < start <= end:
                past = position + before_batch - left > bits
                raise _Bad(TcfProblem.TRUNCATED if past else TcfProblem.VENDORS)
            add(start)
            add(end)
            before = end
        position += before_batch - left
    if position > bits:
        raise _Bad(TcfProblem.TRUNCATED)
    if before > highest:
        raise _Bad(TcfProblem.VENDORS)
    return tuple(found), position


def _restrictions(data: bytes, position: int, bits: int) -> tuple[tuple[Restriction, ...], int]:
    count = number(data, position, 12)
    position += 12
    if not count:
        return (), position
    found: list[Restriction] = []
    for _ in range(count):
        head = number(data, position, 20)
        purpose, kind = head >> 14, head >> 12 & 3
        position += 20
        if position > bits:
            raise _Bad(TcfProblem.TRUNCATED)
        if not 1 <= purpose <= 24 or kind == 3:
            raise _Bad(TcfProblem.RESTRICTION)
        ranges, position = _ranges(data, position, bits, head & 0xFFF, 0xFFFF)
        found.append(Restriction(purpose, kind, ranges))
    return tuple(found), position


def _publisher(data: bytes, length: int) -> PublisherTc:
    if 6 * length < 57:
        raise _Bad(TcfProblem.TRUNCATED)
    head = int.from_bytes(data[:8], "big") >> 7
    custom = head & 0x3F
    _end(data, 57 + 2 * custom, length)
    own = field(data, 57, 2 * custom) if custom else 0
    return PublisherTc(head >> 6 & 0xFFFFFFFFFFFF, custom, own)
