"""What is kept of a visitor's address, and whose address it is behind proxies."""

import ipaddress
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.address import TrustedProxies, is_public, mask


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("203.0.113.77", "203.0.113.0"),
        ("203.0.113.0", "203.0.113.0"),
        ("255.255.255.255", "255.255.255.0"),
        ("0.0.0.0", "0.0.0.0"),
        (" 203.0.113.77\t", "203.0.113.0"),
        ("203.0.113.77:51234", "203.0.113.0"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1::"),
        ("2001:DB8:1::6", "2001:db8:1::"),
        ("2001:db8::1", "2001:db8::"),
        ("::1", "::"),
        ("fe80::1%eth0", "fe80::"),
        ("fe80::1%25eth0", "fe80::"),
        ("[2001:db8:1:2::3]", "2001:db8:1::"),
        ("[2001:db8:1:2::3]:443", "2001:db8:1::"),
        ("[fe80::1%eth0]:443", "fe80::"),
    ],
)
def test_address_is_truncated(address: str, expected: str) -> None:
    """IPv4 keeps 24 bits, IPv6 48; ports, brackets, zones and blanks do not matter."""
    assert mask(address) == expected


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("::ffff:203.0.113.77", "203.0.113.0"),
        ("::ffff:cb00:714d", "203.0.113.0"),
        ("[::ffff:203.0.113.77]:80", "203.0.113.0"),
        ("::ffff:0:203.0.113.77", "203.0.113.0"),
        ("2002:cb00:714d:1::1", "203.0.113.0"),
        ("64:ff9b::203.0.113.77", "203.0.113.0"),
        ("64:ff9b:1:cb00:71:4d00::", "64:ff9b:1::"),
        ("2001:0:4136:e378:8000:63bf:34ff:8eb2", "203.0.113.0"),
        ("::203.0.113.77", "::"),
        ("2001:db8:1:2:0:5efe:203.0.113.77", "2001:db8:1::"),
    ],
    ids=[
        "mapped",
        "mapped hex",
        "in brackets",
        "translated",
        "6to4",
        "NAT64",
        "local NAT64",
        "Teredo",
        "compatible",
        "ISATAP",
    ],
)
def test_embedded_ipv4_never_shows_whole(address: str, expected: str) -> None:
    """An IPv6 address that carries an IPv4 address is cut as that one, or loses it in the cut."""
    assert mask(address) == expected


@pytest.mark.parametrize(
    "junk",
    [
        "",
        " ",
        "unknown",
        "_hidden",
        "localhost",
        "203.0.113.77, 10.0.0.1",
        "203.0.113.77 10.0.0.1",
        "203.0.113.077",
        "0xcb00714d",
        "0xcb.0.0x71.0x4d",
        "3405803853",
        "203.0.113",
        "203.0.113.256",
        "203.0.113.77.1",
        "203.0.113.77:",
        "203.0.113.77:http",
        "203.0.113.77:123456",
        "203.0.113.77%eth0",
        "[203.0.113.77]",
        "[::1",
        "::1]",
        "[::1]:",
        "[::1]x",
        "::1%",
        "::1%a, 203.0.113.77",
        "2001:db8:::1",
        "203.0.113.77\x00",
        "\u0662\u0660\u0663.0.113.77",
        "\ud800",
        "1" * 10_000,
        ":" * 10_000,
    ],
)
def test_anything_but_one_address_is_no_address(junk: str) -> None:
    """Lists, leading zeros, hexadecimal and integer forms give nothing rather than something raw."""
    assert mask(junk) is None


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60))
def test_mask_takes_any_text(text: str) -> None:
    """It neither raises nor returns anything that is not truncated."""
    masked = mask(text)
    assert masked is None or mask(masked) == masked


@settings(max_examples=200, deadline=None)
@given(st.ip_addresses(v=6))
def test_ipv6_shows_at_most_48_bits(address: ipaddress.IPv6Address) -> None:
    """Whatever the form, the result is a /48, or a /24 of an embedded address, and the same for the whole network."""
    masked = mask(str(address))
    assert masked is not None
    if ":" in masked:
        assert int(ipaddress.IPv6Address(masked)) & ((1 << 80) - 1) == 0
        assert ipaddress.IPv6Address(masked).packed[:6] == address.packed[:6]
    else:
        assert masked.endswith(".0")
    assert mask(masked) == masked


@settings(max_examples=200, deadline=None)
@given(st.ip_addresses(v=4), st.sampled_from(["{}", "{}:80", "::ffff:{}", "[::ffff:{}]:80", "64:ff9b::{}"]))
def test_ipv4_loses_its_last_octet(address: ipaddress.IPv4Address, form: str) -> None:
    """Every way to write an IPv4 address gives the same /24."""
    network = ipaddress.ip_network(f"{address}/24", strict=False)
    assert mask(form.format(address)) == str(network.network_address)


@pytest.mark.parametrize(
    ("truncated", "public"),
    [
        ("8.8.8.0", True),
        ("203.0.113.0", True),
        ("192.0.2.0", True),
        ("198.51.100.0", True),
        ("2001:db8:1::", True),
        ("2a02:fe0:1::", True),
        ("0.0.0.0", False),
        ("10.1.2.0", False),
        ("100.64.3.0", False),
        ("100.128.3.0", True),
        ("127.0.0.0", False),
        ("169.254.1.0", False),
        ("172.31.0.0", False),
        ("172.32.0.0", True),
        ("192.0.0.0", False),
        ("192.168.1.0", False),
        ("198.19.0.0", False),
        ("224.0.0.0", False),
        ("255.255.255.0", False),
        ("::", False),
        ("fe80::", False),
        ("fc00:1::", False),
        ("ff02::", False),
        ("64:ff9b:1::", False),
        ("2001:20::", False),
        ("junk", False),
        ("", False),
    ],
)
def test_public_is_what_is_routed(truncated: str, *, public: bool) -> None:
    """Private, shared, loopback, link-local and multicast are not public; documentation ranges are, for tests."""
    assert is_public(truncated) is public


PROXIES = ["10.0.0.0/8", "192.0.2.1", "2001:db8:ffff::/48", "::1"]


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "forwarded", "client"),
    [
        pytest.param("203.0.113.9", [], [], "203.0.113.9", id="no proxy"),
        pytest.param(
            "203.0.113.9", ["198.51.100.7"], ["for=198.51.100.7"], "203.0.113.9", id="forged by a visitor"
        ),
        pytest.param("10.0.0.1", [], [], "10.0.0.1", id="trusted, says nothing"),
        pytest.param("10.0.0.1", [" "], [""], "10.0.0.1", id="trusted, blank headers"),
        pytest.param("10.0.0.1", ["198.51.100.7"], [], "198.51.100.7", id="one hop"),
        pytest.param(
            "::ffff:10.0.0.1", ["198.51.100.7"], [], "198.51.100.7", id="peer on a dual-stack socket"
        ),
        pytest.param("192.0.2.1", ["198.51.100.7"], [], "198.51.100.7", id="single address trusted"),
        pytest.param("2001:db8:ffff::5", ["2a02::7"], [], "2a02::7", id="IPv6 proxy"),
        pytest.param(
            "10.0.0.1", ["1.1.1.1, 198.51.100.7, 10.2.3.4"], [], "198.51.100.7", id="right-most untrusted"
        ),
        pytest.param(
            "10.0.0.1", ["1.1.1.1", "198.51.100.7", "10.2.3.4"], [], "198.51.100.7", id="several lines"
        ),
        pytest.param("10.0.0.1", ["10.0.0.3, 10.0.0.2"], [], "10.0.0.3", id="all trusted: left-most"),
        pytest.param("10.0.0.1", ["198.51.100.7:4711, 10.0.0.2:80"], [], "198.51.100.7", id="with ports"),
        pytest.param("10.0.0.1", ["[2a02::7]:4711"], [], "2a02::7", id="IPv6 with port"),
        pytest.param("10.0.0.1", ["198.51.100.7, unknown"], [], None, id="unknown decides"),
        pytest.param("10.0.0.1", ["198.51.100.7, "], [], None, id="empty hop decides"),
        pytest.param("10.0.0.1", ["198.51.100.07"], [], None, id="leading zero"),
        pytest.param("10.0.0.1", ["junk, 198.51.100.7"], [], "198.51.100.7", id="junk on the visitor's side"),
        pytest.param("10.0.0.1", [", ".join(["10.0.0.2"] * 40)], [], None, id="endless chain"),
        pytest.param(
            "10.0.0.1", [], ["for=198.51.100.7;proto=https;by=10.0.0.1"], "198.51.100.7", id="RFC 7239"
        ),
        pytest.param("10.0.0.1", [], ['For="[2a02::7]:4711"'], "2a02::7", id="quoted IPv6 with port"),
        pytest.param("10.0.0.1", [], ["for=[2a02::7]"], "2a02::7", id="unquoted IPv6"),
        pytest.param(
            "10.0.0.1", [], ["for=1.1.1.1, for=198.51.100.7", "for=10.2.2.2"], "198.51.100.7", id="elements"
        ),
        pytest.param("10.0.0.1", [], ["for=198.51.100.7, for=_hidden"], None, id="obfuscated decides"),
        pytest.param("10.0.0.1", [], ["for=198.51.100.7, for=unknown"], None, id="RFC unknown decides"),
        pytest.param("10.0.0.1", [], ["for=198.51.100.7, proto=https"], None, id="element without for"),
        pytest.param("10.0.0.1", [], ["for=198.51.100.7;for=1.1.1.1"], None, id="for twice"),
        pytest.param("10.0.0.1", [], ['for="198.51.100.7'], None, id="quote never closed"),
        pytest.param("10.0.0.1", [], ["198.51.100.7"], None, id="not RFC 7239"),
        pytest.param("10.0.0.1", [], ["for=198.51.100.7" + " " * 5000], None, id="oversized"),
        pytest.param("10.0.0.1", ["198.51.100.7"], ["for=198.51.100.7"], "198.51.100.7", id="both agree"),
        pytest.param("10.0.0.1", ["198.51.100.7"], ["for=1.1.1.1"], None, id="both disagree"),
        pytest.param("10.0.0.1", ["unknown"], ["for=1.1.1.1"], None, id="one unreadable"),
        pytest.param(None, ["198.51.100.7"], [], None, id="unix socket"),
        pytest.param("", ["198.51.100.7"], [], None, id="unix socket, empty"),
        pytest.param("junk", ["198.51.100.7"], [], None, id="peer that is no address"),
    ],
)
def test_client_behind_proxies(
    peer: str | None, forwarded_for: Sequence[str], forwarded: Sequence[str], client: str | None
) -> None:
    """Only trusted proxies are believed, and only about the hop that talked to them."""
    assert TrustedProxies(PROXIES).client(peer, forwarded_for, forwarded) == client


def test_without_trusted_proxies_headers_mean_nothing() -> None:
    """The default configuration believes nobody."""
    nobody = TrustedProxies([])
    assert nobody.client("203.0.113.9", ["198.51.100.7"], ["for=198.51.100.7"]) == "203.0.113.9"
    assert nobody.client(None, ["198.51.100.7"], []) is None


def test_network_of_mapped_addresses_is_the_ipv4_network() -> None:
    """Peers on a dual-stack socket may be listed in either form."""
    assert TrustedProxies(["::ffff:10.0.0.0/104"]).client("10.0.0.1", ["198.51.100.7"], []) == "198.51.100.7"


@pytest.mark.parametrize("bad", ["10.0.0.1/8", "proxy.internal", "10.0.0.0/33", "", "*"])
def test_bad_network_is_named(bad: str) -> None:
    """The operator is told which one is wrong."""
    with pytest.raises(ValueError, match="is not a network") as caught:
        TrustedProxies(["10.0.0.0/8", bad])
    assert repr(bad) in str(caught.value)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text(max_size=40), max_size=4), st.lists(st.text(max_size=40), max_size=4))
def test_headers_of_any_content_are_survived(forwarded_for: list[str], forwarded: list[str]) -> None:
    """Whatever a visitor sends through a proxy gives an address or none, never an error."""
    client = TrustedProxies(["10.0.0.0/8"]).client("10.0.0.1", forwarded_for, forwarded)
    assert client is None or mask(client) is not None
