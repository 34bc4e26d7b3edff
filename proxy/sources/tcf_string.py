"""What a TC string of the IAB's Transparency and Consent Framework holds, and why one may not count. Pure types."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from enum import StrEnum


class TcfProblem(StrEnum):
    """Why a TC string grants nothing. All but ``EXPIRED`` mean that it could not or must not be understood."""

    TOO_LONG = "too_long"
    TOO_MANY_SEGMENTS = "too_many_segments"
    NOT_BASE64URL = "not_base64url"
    """A character that does not belong, or a length that base64url cannot have."""
    VERSION = "version"
    """The string's format is not version 2."""
    TRUNCATED = "truncated"
    TRAILING = "trailing"
    """More after the last field than the filling with zeros that an encoder writes."""
    SEGMENT = "segment"
    """A segment of an unknown type, or of a type that was there before."""
    FIELD = "field"
    """A value that no banner can have written: a CMP id, a letter, an order of times."""
    VENDORS = "vendors"
    """Vendor ids that are zero, above the stated highest, or not in ascending ranges."""
    RESTRICTION = "restriction"
    """A publisher restriction of an unknown type or purpose."""
    POLICY = "policy"
    """A policy version that was abolished, or that this program does not know."""
    GLOBAL_SCOPE = "global_scope"
    """Not service-specific: the shared scope was abolished in 2021."""
    UNDISCLOSED = "undisclosed"
    """No disclosed vendors, which TCF 2.3 requires since 28 February 2026."""
    FUTURE = "future"
    EXPIRED = "expired"
    """Older than 13 months: its grants have lapsed, its refusals stand."""


@dataclass(frozen=True, slots=True)
class VendorSet:
    """Vendors' ids, as they were written: a bit field, or ascending ranges.

    ``bits`` has one bit for each id from 1 (the highest bit) to ``highest`` (the lowest). ``ranges`` lists starts and
    ends by turns, both included. One of the two is empty. ``vendor in vendors`` asks; nothing is ever expanded.
    """

    highest: int
    bits: int = 0
    ranges: tuple[int, ...] = ()

    def __contains__(self, vendor: int) -> bool:
        if self.ranges:
            return in_ranges(self.ranges, vendor)
        return 0 < vendor <= self.highest and bool(self.bits >> (self.highest - vendor) & 1)

    def ids(self) -> list[int]:
        """Return all ids in ascending order. For tests and people: the gateway only ever asks for one."""
        if self.ranges:
            return [
                v for s, e in zip(self.ranges[::2], self.ranges[1::2], strict=True) for v in range(s, e + 1)
            ]
        return [vendor for vendor in range(1, self.highest + 1) if vendor in self]


def in_ranges(ranges: tuple[int, ...], vendor: int) -> bool:
    """Tell whether an id lies in one of the ascending ranges (starts and ends by turns, both included)."""
    place = bisect_left(ranges, vendor)
    return place & 1 == 1 or (place < len(ranges) and ranges[place] == vendor)


NOT_ALLOWED = 0
REQUIRE_CONSENT = 1
REQUIRE_INTEREST = 2


@dataclass(frozen=True, slots=True)
class Restriction:
    """What the publisher allows some vendors to use one purpose for.

    ``kind`` is ``NOT_ALLOWED``, ``REQUIRE_CONSENT`` or ``REQUIRE_INTEREST``; ``vendors`` are ranges as in ``VendorSet``.
    """

    purpose: int
    kind: int
    vendors: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class PublisherTc:
    """The publisher's own segment.

    ``bits`` are its two times 24 standard purposes, ``custom`` its own ones, ``custom_count`` consents and then as many
    legitimate interests; in what the properties return, id 1 is the highest bit.
    """

    bits: int
    custom_count: int
    custom: int

    @property
    def consents(self) -> int:
        """Return the 24 bits of the purposes consented to."""
        return self.bits >> 24

    @property
    def interests(self) -> int:
        """Return the 24 bits of the purposes on legitimate interest."""
        return self.bits & 0xFFFFFF

    @property
    def custom_consents(self) -> int:
        """Return the bits of the publisher's own purposes consented to."""
        return self.custom >> self.custom_count

    @property
    def custom_interests(self) -> int:
        """Return the bits of the publisher's own purposes on legitimate interest."""
        return self.custom & ((1 << self.custom_count) - 1)


HEAD_BITS = 213
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True, slots=True, repr=False)
class TcString:
    """A TC string, format version 2 (IAB: Consent string and vendor list formats v2; TCF 2.2 and 2.3).

    ``head`` is the core segment's first 213 bits, checked to be possible, from which the properties are read when they
    are asked for. Times are Unix ms. In sets of bits, id 1 is the highest bit. ``disclosed``, ``allowed`` and
    ``publisher`` are None where the segment is missing.
    """

    head: int
    vendor_consents: VendorSet
    vendor_interests: VendorSet
    restrictions: tuple[Restriction, ...]
    disclosed: VendorSet | None
    allowed: VendorSet | None
    publisher: PublisherTc | None

    @property
    def created_at(self) -> int:
        """Return when the string was first made."""
        return (self.head >> 171 & 0xFFFFFFFFF) * 100

    @property
    def updated_at(self) -> int:
        """Return when the visitor last decided; since TCF 2.2 the beginning of that day (UTC)."""
        return (self.head >> 135 & 0xFFFFFFFFF) * 100

    @property
    def cmp_id(self) -> int:
        """Return who made the banner, by the IAB's list."""
        return self.head >> 123 & 0xFFF

    @property
    def cmp_version(self) -> int:
        """Return the banner's version."""
        return self.head >> 111 & 0xFFF

    @property
    def screen(self) -> int:
        """Return on which of the banner's screens it was decided."""
        return self.head >> 105 & 0x3F

    @property
    def language(self) -> str:
        """Return the banner's language, two capitals."""
        return _LETTERS[self.head >> 99 & 0x3F] + _LETTERS[self.head >> 93 & 0x3F]

    @property
    def vendor_list_version(self) -> int:
        """Return which edition of the vendor list was shown."""
        return self.head >> 81 & 0xFFF

    @property
    def policy_version(self) -> int:
        """Return the version of the framework's policies."""
        return self.head >> 75 & 0x3F

    @property
    def service_specific(self) -> bool:
        """Tell whether the string is the site's own, and not shared with others."""
        return bool(self.head >> 74 & 1)

    @property
    def non_standard_texts(self) -> bool:
        """Tell whether the publisher wrote its own texts."""
        return bool(self.head >> 73 & 1)

    @property
    def special_features(self) -> int:
        """Return the 12 bits of the special features opted into."""
        return self.head >> 61 & 0xFFF

    @property
    def purposes(self) -> int:
        """Return the 24 bits of the purposes consented to."""
        return self.head >> 37 & 0xFFFFFF

    @property
    def interests(self) -> int:
        """Return the 24 bits of legitimate interests, as written; on 1 and 3 to 6 nobody may rely since TCF 2.2."""
        return self.head >> 13 & 0xFFFFFF

    @property
    def purpose_one_treatment(self) -> bool:
        """Tell whether purpose 1 was not disclosed, so that nobody was asked for it."""
        return bool(self.head >> 12 & 1)

    @property
    def publisher_country(self) -> str:
        """Return the publisher's country, two capitals."""
        return _LETTERS[self.head >> 6 & 0x3F] + _LETTERS[self.head & 0x3F]


def purposes(*wanted: int) -> int:
    """Return the 24 bits in which exactly these purposes (1 to 24) are set."""
    return sum(1 << (24 - purpose) for purpose in set(wanted))
