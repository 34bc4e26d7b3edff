"""Looking for planted marks in bytes: plain, in every encoding in which they could hide, and as unsalted hashes.

``Needles`` holds any number of marks and goes over the content once, so that hundreds of addresses in forty forms each
can be looked for in megabytes.
"""

import hashlib
import ipaddress
import re
from base64 import b64encode
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import quote, unquote_to_bytes

_PREFIX = 6
_ALNUM = frozenset(b"0123456789abcdefghijklmnopqrstuvwxyz")
_ESCAPED = re.compile(rb"\\u00([0-9a-f]{2})")
_HASHES = ("md5", "sha1", "sha256")


@dataclass(frozen=True, slots=True, order=True)
class Leak:
    """A mark that was found: its name, and the form in which it stood there."""

    name: str
    form: str


@dataclass(frozen=True, slots=True)
class _Needle:
    leak: Leak
    text: bytes
    whole: bool
    """Counts only where no letter or digit stands beside it: it is short enough to stand in random ones by chance."""


class Needles:
    """Marks to be looked for, without regard to case."""

    def __init__(self) -> None:
        self._by_prefix: dict[bytes, list[_Needle]] = defaultdict(list)

    def add(
        self, name: str, forms: Iterable[tuple[str, bytes]], *, whole: frozenset[str] = frozenset()
    ) -> None:
        """Look for a mark in these forms; those in ``whole`` only where they stand alone."""
        for form, raw in forms:
            text = raw.lower()
            assert len(text) >= _PREFIX, f"{name} as {form} is too short to be told from chance"
            needle = _Needle(Leak(name, form), text, form in whole)
            if needle not in self._by_prefix[text[:_PREFIX]]:
                self._by_prefix[text[:_PREFIX]].append(needle)

    def find(self, content: bytes) -> set[Leak]:
        """Return what stands in the content, be it as it is, percent-decoded (twice too) or without JSON's escapes."""
        found: set[Leak] = set()
        for text in _readings(content.lower()):
            by_prefix = self._by_prefix
            for at in range(len(text) - _PREFIX + 1):
                for needle in by_prefix.get(text[at : at + _PREFIX], ()):
                    if text.startswith(needle.text, at) and not (needle.whole and _sticks(text, at, needle)):
                        found.add(needle.leak)
        return found

    def names(self, content: bytes) -> set[str]:
        """Return the names of the marks in the content, whatever their form."""
        return {leak.name for leak in self.find(content)}


def _sticks(text: bytes, at: int, needle: _Needle) -> bool:
    end = at + len(needle.text)
    return (at > 0 and text[at - 1] in _ALNUM) or (end < len(text) and text[end] in _ALNUM)


def _readings(text: bytes) -> Iterator[bytes]:
    yield text
    if b"\\" in text:
        plain = _ESCAPED.sub(lambda hit: bytes([int(hit[1], 16)]), text).replace(b"\\/", b"/")
        if plain != text:
            yield plain.lower()
    for _ in range(2):
        if b"%" not in text:
            return
        decoded = unquote_to_bytes(text).lower()
        if decoded == text:
            return
        text = decoded
        yield text


# --- forms ----------------------------------------------------------------------------------------------------------


def forms_of(mark: str) -> Iterator[tuple[str, bytes]]:
    """Yield a mark in every encoding, and the unsalted hashes of it as it is, in lower case and without blanks."""
    raw = mark.encode()
    yield "plain", raw
    yield "reversed", raw[::-1]
    yield from encodings_of(raw)
    seen = set()
    for text in (raw, raw.lower(), b"".join(raw.lower().split())):
        if text not in seen:
            seen.add(text)
            yield from hashes_of(text)


def encodings_of(raw: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield hexadecimal, base64 wherever in a longer text it begins, and percent-encoding, once and twice."""
    yield "hex", raw.hex().encode()
    for before in range(3):
        text = b64encode(bytes(before) + raw)
        # Only the characters that depend on nothing but the mark.
        sure = text[(0, 2, 3)[before] : (before + len(raw)) * 8 // 6]
        if len(sure) >= _PREFIX:
            yield "base64", sure
            yield "base64url", sure.replace(b"+", b"-").replace(b"/", b"_")
    every = "".join(f"%{byte:02x}" for byte in raw)
    yield "percent", every.encode()
    yield "percent twice", quote(every, safe="").encode()
    yield "percent twice", quote(quote(raw, safe=""), safe="").encode()


def hashes_of(raw: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield the hashes that anybody could make again, in hexadecimal and in both kinds of base64."""
    for name in _HASHES:
        digest = hashlib.new(name, raw, usedforsecurity=False).digest()
        yield name, digest.hex().encode()
        text = b64encode(digest).rstrip(b"=")
        yield f"{name} base64", text
        yield f"{name} base64", text.replace(b"+", b"-").replace(b"/", b"_")


# Forms of an IPv4 address that are so short that random digits hold them now and then.
SHORT = frozenset({"hex alone", "integer", "packed base64"})


def forms_of_address(text: str) -> Iterator[tuple[str, bytes]]:
    """Yield an address as people, programs and logs write it, as number and as bytes, encoded and hashed."""
    address = ipaddress.ip_address(text)
    packed = address.packed
    yield from forms_of(text)
    for form in {str(address), address.exploded} - {text}:
        yield "written otherwise", form.encode()
        yield from hashes_of(form.encode())
    yield from hashes_of(packed)
    yield from hashes_of(str(int(address)).encode())
    if address.version == 6:
        yield "packed", packed
        yield "hex", packed.hex().encode()
        yield "integer", str(int(address)).encode()
        yield "reversed", ".".join(reversed(packed.hex())).encode()
        yield "packed base64", b64encode(packed).rstrip(b"=")
        return
    octets = [str(octet) for octet in packed]
    yield "reversed octets", ".".join(reversed(octets)).encode()
    yield "zero-padded", ".".join(f"{octet:03}" for octet in packed).encode()
    yield "dashes", "-".join(octets).encode()
    yield "hex octets", ".".join(f"{octet:02x}" for octet in packed).encode()
    yield "hex alone", packed.hex().encode()
    yield "hex alone", packed[::-1].hex().encode()
    yield "0x", b"0x" + packed.hex().encode()
    yield "mapped", f"ffff:{packed[:2].hex()}:{packed[2:].hex()}".encode()
    yield "mapped", b"ffff" + packed.hex().encode()
    yield "6to4", f"2002:{int(packed[:2].hex(), 16):x}:{int(packed[2:].hex(), 16):x}".encode()
    yield "integer", str(int(address)).encode()
    yield "integer", str(int.from_bytes(packed[::-1])).encode()
    yield "packed base64", b64encode(packed)
