"""Writes TC strings, proper ones and ones that no banner would write: our own pen, so that tests need no other program.

It knows nothing of our decoder. That it writes proper strings is shown where they are compared with the reference's.
"""

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

Ranges = Sequence[tuple[int, int]]
DAY_MS = 86_400_000
NOW = 1_795_341_600_000
"""22 November 2026, 10:00 UTC."""
TODAY = NOW - NOW % DAY_MS
EVERY_PURPOSE = tuple(range(1, 12))
KNOWN = (755, 793, 804, 1126)


def bits_of(value: int, width: int) -> str:
    """Write a number in so many binary digits."""
    assert 0 <= value < 1 << width
    return format(value, f"0{width}b")


def chosen(ids: Iterable[int], width: int) -> str:
    """Write ids as a field of bits, the first id first."""
    wanted = set(ids)
    return "".join("1" if one in wanted else "0" for one in range(1, width + 1))


def entries(ranges: Ranges) -> str:
    """Write how many entries there are, and the entries."""
    out = bits_of(len(ranges), 12)
    for start, end in ranges:
        out += "0" + bits_of(start, 16) if start == end else "1" + bits_of(start, 16) + bits_of(end, 16)
    return out


def vendor_field(ids: Iterable[int], highest: int | None = None) -> str:
    """Write vendors as a field of bits."""
    wanted = sorted(set(ids))
    top = highest if highest is not None else (wanted[-1] if wanted else 0)
    return bits_of(top, 16) + "0" + chosen(wanted, top)


def vendor_ranges(ranges: Ranges, highest: int | None = None) -> str:
    """Write vendors as ranges."""
    top = highest if highest is not None else max((end for _, end in ranges), default=0)
    return bits_of(top, 16) + "1" + entries(ranges)


def letters(bits: str, multiple: int = 24) -> str:
    """Write binary digits in base64url, filled with zeros to a multiple of 24 bits, or of 8 as other programs do."""
    filled = bits + "0" * (-len(bits) % multiple)
    return base64.urlsafe_b64encode(_bytes(filled)).decode().rstrip("=")


def _bytes(bits: str) -> bytes:
    return int(bits or "0", 2).to_bytes(len(bits) // 8, "big")


@dataclass
class Wish:
    """What a string shall say; as it stands, "accept all" of today for four vendors, under TCF 2.3."""

    version: int = 2
    created_at: int | None = None
    updated_at: int = TODAY
    cmp_id: int = 300
    language: str = "EN"
    policy: int = 5
    service_specific: bool = True
    features: Sequence[int] = ()
    purposes: Sequence[int] = EVERY_PURPOSE
    interests: Sequence[int] = (2, 7, 8, 9, 10, 11)
    one_treatment: bool = False
    country: str = "NO"
    consents: str = field(default_factory=lambda: vendor_field(KNOWN))
    vendor_interests: str = field(default_factory=lambda: vendor_field(KNOWN))
    restrictions: Sequence[tuple[int, int, Ranges]] = ()
    disclosed: str | None = field(default_factory=lambda: vendor_field(KNOWN))
    allowed: str | None = None
    publisher: str | None = field(default_factory=lambda: bits_of(0, 54))

    def core(self) -> str:
        """Return the core segment's binary digits."""
        created = self.updated_at if self.created_at is None else self.created_at
        return "".join(
            (
                bits_of(self.version, 6),
                bits_of(created // 100, 36),
                bits_of(self.updated_at // 100, 36),
                bits_of(self.cmp_id, 12),
                bits_of(1, 12),
                bits_of(0, 6),
                *(bits_of(ord(letter) - 65, 6) for letter in self.language),
                bits_of(178, 12),
                bits_of(self.policy, 6),
                str(int(self.service_specific)),
                "0",
                chosen(self.features, 12),
                chosen(self.purposes, 24),
                chosen(self.interests, 24),
                str(int(self.one_treatment)),
                *(bits_of(ord(letter) - 65, 6) for letter in self.country),
                self.consents,
                self.vendor_interests,
                bits_of(len(self.restrictions), 12),
                *(
                    bits_of(p, 6) + bits_of(kind, 2) + entries(ranges)
                    for p, kind, ranges in self.restrictions
                ),
            )
        )

    def text(self, multiple: int = 24) -> str:
        """Return the string."""
        segments = [self.core()]
        if self.disclosed is not None:
            segments.append("001" + self.disclosed)
        if self.allowed is not None:
            segments.append("010" + self.allowed)
        if self.publisher is not None:
            segments.append("011" + self.publisher)
        return ".".join(letters(segment, multiple) for segment in segments)
