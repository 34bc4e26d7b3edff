"""Visitors' network addresses: truncate them, and find the visitor's own behind trusted proxies.

A raw address lives in the caller's frame only. Nothing here keeps, caches, logs or echoes one, and no error raised
here quotes one. What leaves is truncated: IPv4 to /24, IPv6 to /48.
"""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_network
from socket import AF_INET, AF_INET6, inet_ntop, inet_pton
from typing import Final

# The longest text of one address: 45 characters, a zone, brackets and a port.
_MAX_TEXT = 100
# A client can send any number of hops; no real chain of proxies is longer.
_MAX_HOPS = 32
_MAX_FORWARDED = 4096

_PORT = re.compile(r":[0-9]{1,5}")
_ZONE = re.compile(r"%[0-9A-Za-z._~%-]+")
# One parameter of RFC 7239 and what ends it. Unquoted values are read more widely than the RFC's tokens, because
# proxies do send ``for=1.2.3.4:567`` and ``for=[::1]`` without quotes.
_FORWARDED_PAIR = re.compile(
    r'[ \t]*([!#$%&\'*+.^_`|~0-9A-Za-z-]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s;,"]+))[ \t]*([;,]|$)'
)

_MAPPED: Final = bytes(10) + b"\xff\xff"
# ::ffff:0:a.b.c.d, RFC 2765
_TRANSLATED: Final = bytes(8) + b"\xff\xff\x00\x00"
_NAT64: Final = bytes.fromhex("0064ff9b") + bytes(8)
_SIX_TO_FOUR: Final = b"\x20\x02"
_TEREDO: Final = bytes.fromhex("20010000")

# All of the above begin with one of these bytes; most visitors' addresses do not.
_CARRIERS: Final = (0x00, 0x20)

# Not globally routable (IANA special-purpose registries). The documentation ranges are left out on purpose: tests and
# demos play visitors from them.
_PRIVATE_V4: Final = (
    "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.168.0.0/16"
    " 198.18.0.0/15 224.0.0.0/3"
).split()
_PUBLIC_V6: Final = "2000::/3"
# IETF protocol assignments: benchmarking, ORCHID.
_PRIVATE_V6: Final = "2001::/23"


def mask(address: str) -> str | None:
    """Truncate an address to what may be kept of it.

    Args:
        address: one textual address; a port, brackets, a zone and surrounding blanks are understood.

    Returns:
        ``"203.0.113.0"`` (/24) or ``"2001:db8:1::"`` (/48); None for anything that is not exactly one address: lists,
        leading zeros, hexadecimal and integer forms, host names. An IPv6 address that only carries an IPv4 address
        (mapped, translated, 6to4, NAT64, Teredo) is truncated as that IPv4 address, because /48 would show the whole
        of some. The cut already removes the inner address of ISATAP and IPv4-compatible forms.
    """
    try:
        if ":" not in address:
            inet_pton(AF_INET, address)
            # inet_pton takes nothing but four plain decimal octets, so cutting the text is cutting the address.
            return address[: address.rindex(".")] + ".0"
        packed: bytes | None = _unwrap(inet_pton(AF_INET6, address))
    except (OSError, ValueError):
        packed = _pack(address)
    return None if packed is None else _truncate(packed)


def _truncate(packed: bytes) -> str:
    if len(packed) == 4:
        return f"{packed[0]}.{packed[1]}.{packed[2]}.0"
    return inet_ntop(AF_INET6, packed[:6] + bytes(10))


def _pack(text: str) -> bytes | None:
    """Read one address as 4 or 16 bytes; embedded IPv4 addresses are unwrapped. None if it is anything else."""
    text = text.strip()
    if not text or len(text) > _MAX_TEXT:
        return None
    if text[0] == "[":
        text, bracket, port = text[1:].partition("]")
        if not bracket or ":" not in text or (port and _PORT.fullmatch(port) is None):
            return None
    elif text.count(":") == 1:
        text, _, port = text.partition(":")
        if _PORT.fullmatch(":" + port) is None:
            return None
    return _pack_bare(text)


def _pack_bare(text: str) -> bytes | None:
    try:
        if ":" not in text:
            return inet_pton(AF_INET, text)
        zone = text.find("%")
        if zone >= 0:
            if _ZONE.fullmatch(text, zone) is None:
                return None
            text = text[:zone]
        return _unwrap(inet_pton(AF_INET6, text))
    except (OSError, ValueError):
        return None


def _unwrap(packed: bytes) -> bytes:
    """Return the IPv4 address that an IPv6 address merely carries, else the address itself."""
    if packed[0] not in _CARRIERS:
        return packed
    if packed.startswith((_MAPPED, _TRANSLATED, _NAT64)):
        return packed[12:]
    if packed.startswith(_SIX_TO_FOUR):
        return packed[2:6]
    if packed.startswith(_TEREDO):  # the client's address is stored inverted, RFC 4380 section 4
        return bytes(byte ^ 0xFF for byte in packed[12:])
    return packed


class _Ranges:
    """A set of networks, asked by packed address. Costs one look-up per distinct prefix length."""

    __slots__ = ("_v4", "_v6")

    def __init__(self, networks: Iterable[IPv4Network | IPv6Network]) -> None:
        v4: dict[int, set[int]] = {}
        v6: dict[int, set[int]] = {}
        for network in networks:
            packed, shift = network.network_address.packed, network.max_prefixlen - network.prefixlen
            # Addresses are compared unwrapped, so a network of mapped addresses means the IPv4 network.
            if len(packed) == 16 and packed.startswith(_MAPPED) and shift <= 32:
                packed = packed[12:]
            table = v4 if len(packed) == 4 else v6
            table.setdefault(shift, set()).add(int.from_bytes(packed) >> shift)
        self._v4 = [(shift, frozenset(found)) for shift, found in sorted(v4.items())]
        self._v6 = [(shift, frozenset(found)) for shift, found in sorted(v6.items())]

    def __contains__(self, packed: bytes) -> bool:
        number = int.from_bytes(packed)
        table = self._v4 if len(packed) == 4 else self._v6
        for shift, found in table:  # noqa: SIM110  # a generator costs more than the look-ups
            if number >> shift in found:
                return True
        return False

    def __bool__(self) -> bool:
        return bool(self._v4 or self._v6)


_NOT_PUBLIC = _Ranges(ip_network(text) for text in (*_PRIVATE_V4, _PRIVATE_V6))
_GLOBAL_UNICAST = _Ranges([ip_network(_PUBLIC_V6)])


@lru_cache(maxsize=4096)
def is_public(truncated: str) -> bool:
    """Tell whether an address that ``mask`` returned is globally routable.

    Documentation ranges count as public. Text that is no address is not public. Truncated addresses only: this caches.
    """
    packed = _pack_bare(truncated)
    if packed is None or packed in _NOT_PUBLIC:
        return False
    return len(packed) == 4 or packed in _GLOBAL_UNICAST


class TrustedProxies:
    """The proxies whose word on the client's address is believed.

    Args:
        networks: CIDRs or single addresses, e.g. ``["10.0.0.0/8", "::1"]``.

    Raises:
        ValueError: one of them is not a network; the text names it and says why.
    """

    __slots__ = ("_trusted",)

    def __init__(self, networks: Iterable[str]) -> None:
        parsed = []
        for text in networks:
            try:
                parsed.append(ip_network(text.strip()))
            except ValueError as error:
                raise ValueError(f"{text!r} is not a network such as 10.0.0.0/8: {error}") from None
        self._trusted = _Ranges(parsed)

    def trusts(self, peer: str | None) -> bool:
        """Tell whether the connection's other end is such a proxy; a unix socket never is."""
        packed = _pack(peer) if peer else None
        return packed is not None and packed in self._trusted

    def client(self, peer: str | None, forwarded_for: Sequence[str], forwarded: Sequence[str]) -> str | None:
        """Return the raw address of the client, for ``mask`` and nothing else.

        The peer is the client unless it is a trusted proxy. Behind one, the client is the right-most hop that is not
        itself trusted (the left-most, if all are), because hops further left are whatever the client wrote. If that
        hop cannot be read (``unknown``, an obfuscated ``_name``, junk) there is no address: the ones next to it are
        somebody else's. A trusted peer without either header speaks for itself.

        Proxies maintain one of the two headers and pass the other on as the client sent it, and which one cannot be
        seen. So if both are there and disagree, there is no address: a client that forges one gains nothing by it.

        Args:
            peer: the connection's other end; None or empty for a unix socket, which is never trusted.
            forwarded_for: the X-Forwarded-For lines in the order received.
            forwarded: the Forwarded (RFC 7239) lines in the order received.

        Returns:
            The address as text, without port or zone; when the peer is untrusted, as it was given.
        """
        if not self._trusted or not peer:
            return peer or None
        packed = _pack(peer)
        if packed is None or packed not in self._trusted:
            return None if packed is None else peer
        chains = []
        listed, described = ",".join(forwarded_for), ",".join(forwarded)
        if listed and not listed.isspace():
            chains.append(listed.rsplit(",", _MAX_HOPS))
        if described and not described.isspace():
            chains.append(_for_values(described))
        found = {self._client_of(chain) for chain in chains} if chains else {packed}
        client = found.pop()
        if found or client is None:
            return None
        return inet_ntop(AF_INET if len(client) == 4 else AF_INET6, client)

    def _client_of(self, hops: list[str]) -> bytes | None:
        packed = None
        for hop in reversed(hops[-_MAX_HOPS:]):
            packed = _pack(hop)
            if packed is None or packed not in self._trusted:
                return packed
        return packed if len(hops) <= _MAX_HOPS else None


def _for_values(header: str) -> list[str]:
    """Return the ``for`` of each element, "" where there is none; one unreadable hop for a malformed header."""
    if len(header) > _MAX_FORWARDED:
        return [""]
    hops: list[str] = []
    seen: str | None = None
    position = 0
    while position < len(header):
        pair = _FORWARDED_PAIR.match(header, position)
        if pair is None:
            return [""]
        name, quoted, plain, end = pair.groups()
        if name.lower() == "for":
            if seen is not None:
                return [""]
            seen = plain if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
        if end != ";":
            hops.append(seen or "")
            seen = None
        position = pair.end()
    return hops
