"""The last look at a request: everything that must not leave is found, and nothing else is."""

from typing import Any, ClassVar

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from forwarders.base import Request
from proxy.delivery.egress import Egress, Violation, secrets_of
from proxy.delivery.literals import holds_address
from proxy.forwarder_modules import forwarder_class, shipped
from proxy.reasons import Decision
from proxy.scrub import scrub_text
from proxy.secret import Secret
from proxy.urls import cookieless_url, full_url
from tests.support.delivery import TestForwarder
from tests.support.events import STANZAS, USER_AGENT, cookieless_event, full_event_for, service_account_json


class Declaring(TestForwarder):
    """Declares one of everything."""

    full_headers: ClassVar[frozenset[str]] = frozenset({"content-type", "user-agent", "x-kind"})
    cookieless_headers: ClassVar[frozenset[str]] = frozenset({"content-type", "user-agent"})
    full_keys: ClassVar[frozenset[str]] = frozenset("q data name ids client_user_agent params ep.*".split())
    cookieless_keys: ClassVar[frozenset[str]] = frozenset({"q", "name", "userAgent"})
    open_keys: ClassVar[frozenset[str]] = frozenset({"params"})


SECRET = 's3cr3t-åb"c'  # of the test
EGRESS = Egress(Declaring(), [SECRET, "short"])
URL = "https://vendor.example/path"


def check(
    body: Any = None,
    *,
    url: str = URL,
    query: list[tuple[str, str]] | None = None,
    headers: dict[str, str] | None = None,
    mode: Decision = Decision.FULL,
) -> Violation | None:
    """Check a request as it would be sent."""
    request = Request("POST", url, query or [], headers or {}, body)
    return EGRESS.check(request, b"" if body is None else orjson.dumps(body), mode)


PASSING: dict[str, dict[str, Any]] = {
    "nothing at all": {},
    "declared keys at every depth": {
        "body": {"data": [{"name": "x", "ids": ["a", "b"]}, {"data": {"name": 1}}]}
    },
    "whatever keys below an open one": {"body": {"params": {"colour": {"deep": [{"any": 1}]}}}},
    "a key by its prefix": {"query": [("ep.colour", "red"), ("q", "")]},
    "declared headers, in any case": {"headers": {"User-Agent": "x", "X-Kind": "y"}},
    "a truncated IPv4 address": {"query": [("q", "203.0.113.0")]},
    "a truncated IPv6 address": {"body": {"name": "2001:db8:1::"}},
    "a user agent that looks like an address": {"body": {"client_user_agent": "X/10.20.30.40"}},
    "the same in a header": {"headers": {"User-Agent": "X/10.20.30.40"}},
    "a page served by address": {"body": {"name": "http://127.0.0.1:8080/thanks"}},
    "the same, encoded": {"query": [("q", "a?to=http%3A%2F%2F127.0.0.1%2Fthanks")]},
    "a page served by IPv6 address": {"body": {"name": "http://[2001:db8::1]:8080/thanks"}},
    "versions of four parts": {"body": {"name": "Chrome/156.0.0.0"}},
    "of five": {"body": {"name": "FBAV/444.1.2.41.110"}},
    "no address, as its numbers are too large": {"body": {"name": "300.400.500.600"}},
    "times": {"body": {"name": "2026-11-22T10:00:00.5Z 10:30:45 12::30"}},
    "ids of Google and Meta": {"body": {"name": "1254136630.1795000000 fb.1.1795169000000.1254136630"}},
    "an e-mail address in a full event's free text": {"body": {"name": "kari@example.no"}},
    "numbers, null and truth": {"body": {"data": [1, 2.5, None, True]}},
}


@pytest.mark.parametrize("request_parts", PASSING.values(), ids=PASSING.keys())
def test_what_is_declared_passes(request_parts: dict[str, Any]) -> None:
    """What a vendor may have goes out, and harmless text that looks like something else as well."""
    assert check(**request_parts) is None


FOUND: dict[str, tuple[Violation, dict[str, Any]]] = {
    "plain http": (Violation.HOST, {"url": "http://vendor.example/path"}),
    "another host": (Violation.HOST, {"url": "https://elsewhere.example/path"}),
    "a host that begins alike": (Violation.HOST, {"url": "https://vendor.example.evil.example/"}),
    "a port": (Violation.HOST, {"url": "https://vendor.example:8443/"}),
    "a user name before another host": (Violation.HOST, {"url": "https://vendor.example@evil.example/"}),
    "a host without a path": (Violation.HOST, {"url": "https://vendor.example#@evil.example"}),
    "a header": (Violation.HEADER, {"headers": {"X-Forwarded-For": "203.0.113.0"}}),
    "a header that only full ones may have": (
        Violation.HEADER,
        {"headers": {"X-Kind": "y"}, "mode": Decision.COOKIELESS},
    ),
    "a key in the query": (Violation.KEY, {"query": [("uid", "1")]}),
    "a key in the body": (Violation.KEY, {"body": {"uid": 1}}),
    "a key in a list, deep down": (Violation.KEY, {"body": {"data": [[{"data": {"uid": 1}}]]}}),
    "a key in a tuple": (Violation.KEY, {"body": {"data": ({"uid": 1},)}}),
    "a key beside an open one": (Violation.KEY, {"body": {"params": {"colour": 1}, "colour": 1}}),
    "free keys of a cookieless event": (
        Violation.KEY,
        {"body": {"params": {"colour": 1}}, "mode": Decision.COOKIELESS},
    ),
    "a whole IPv4 address": (Violation.ADDRESS, {"body": {"name": "203.0.113.77"}}),
    "the same within text": (Violation.ADDRESS, {"body": {"name": "ip=203.0.113.77, sorry"}}),
    "the same at the end of a sentence": (Violation.ADDRESS, {"body": {"name": "It was 203.0.113.77."}}),
    "the same in a key": (Violation.ADDRESS, {"body": {"params": {"203.0.113.77": 1}}}),
    "the same in a list": (Violation.ADDRESS, {"body": {"data": ["a", "203.0.113.77"]}}),
    "the same below an open key": (Violation.ADDRESS, {"body": {"params": {"a": [{"b": "203.0.113.77"}]}}}),
    "the same in the query": (Violation.ADDRESS, {"query": [("q", "203.0.113.77")]}),
    "the same in the path": (Violation.ADDRESS, {"url": URL + ";ip=203.0.113.77"}),
    "the same in a header": (Violation.ADDRESS, {"headers": {"X-Kind": "203.0.113.77"}}),
    "a private one": (Violation.ADDRESS, {"body": {"name": "10.1.2.3"}}),
    "a mapped one": (Violation.ADDRESS, {"body": {"name": "::ffff:203.0.113.77"}}),
    "beside a user agent": (
        Violation.ADDRESS,
        {"body": {"client_user_agent": "X/10.20.30.40", "name": "203.0.113.77"}},
    ),
    "behind a page's address": (
        Violation.ADDRESS,
        {"body": {"name": "http://127.0.0.1/?from=203.0.113.77"}},
    ),
    "a whole IPv6 address": (Violation.ADDRESS, {"body": {"name": "2001:db8:1:2:3:4:5:6"}}),
    "a shortened IPv6 address": (Violation.ADDRESS, {"query": [("q", "2001:db8::1")]}),
    "an IPv6 address longer than /48": (Violation.ADDRESS, {"body": {"name": "2001:db8:1:2::"}}),
    "link local": (Violation.ADDRESS, {"body": {"name": "fe80::1"}}),
    "a secret in the body": (Violation.SECRET, {"body": {"name": f"x{SECRET}x"}}),
    "a secret in the query": (Violation.SECRET, {"query": [("q", SECRET)]}),
    "a secret in the path": (Violation.SECRET, {"url": f"{URL}/{SECRET}"}),
    "a secret in a header": (Violation.SECRET, {"headers": {"X-Kind": SECRET}}),
    "an e-mail address in a cookieless event": (
        Violation.CONTACT,
        {"body": {"name": "from kari.nordmann@example.no"}, "mode": Decision.COOKIELESS},
    ),
    "the same, encoded": (
        Violation.CONTACT,
        {"query": [("q", "https://shop.example/u/kari%40example.no")], "mode": Decision.COOKIELESS},
    ),
}


@pytest.mark.parametrize(("violation", "request_parts"), FOUND.values(), ids=FOUND.keys())
def test_what_must_not_leave_is_found(violation: Violation, request_parts: dict[str, Any]) -> None:
    """Wherever it stands, and by a word that says nothing of it."""
    assert check(**request_parts) is violation


def test_a_forwarder_that_declares_nothing_may_send_nothing() -> None:
    """Forgetting to declare fails safe."""

    class Silent(TestForwarder):
        full_keys: ClassVar[frozenset[str]] = frozenset()
        hosts: ClassVar[frozenset[str]] = frozenset()

    request = Request("POST", URL, body={"ids": []})
    assert Egress(Silent(), []).check(request, b'{"ids":[]}', Decision.FULL) is Violation.HOST


@pytest.mark.parametrize("module", shipped())
def test_what_our_forwarders_send_passes(module: str) -> None:
    """A forwarder that says all it may in full, and its ping, get through their own rules."""
    forwarder = forwarder_class(module).build(STANZAS[module])
    egress = Egress(forwarder, secrets_of([forwarder]))
    events = [
        full_event_for(forwarder, params={"colour": "red", "size": 42, "sale": True}, address="203.0.113.0")
        for _ in range(2)
    ]
    request = forwarder.full(events[: forwarder.batch.limit])
    assert egress.check(request, orjson.dumps(request.body), Decision.FULL) is None
    if forwarder.has_cookieless:
        ping = forwarder.cookieless(cookieless_event(address="203.0.113.0"))
        body = b"" if ping.body is None else orjson.dumps(ping.body)
        assert egress.check(ping, body, Decision.COOKIELESS) is None


PIECES = (
    "203.0.113.77",
    "10.1.2.3",
    "2001:db8::1",
    "fe80::1",
    "::ffff:1.2.3.4",
    "kari@example.no",
    "kari%40example.no",
    "T-1.2",
    "12:30",
    "%2E",
    "æ",
    "1.0.0.0",
)
TEXTS = st.lists(st.sampled_from(PIECES), max_size=5).flatmap(
    lambda pieces: st.sampled_from((" ", ", ", "/", " - ", "; ")).map(lambda between: between.join(pieces))
) | st.text(st.sampled_from("0123456789.:%@ abcdefxno/-_+=[]()äI,;'\"\\"), max_size=60)


def scrubbed(text: str) -> str:
    """Return what scrubbing makes of a text in the end: a mark may bring together what stood apart before it."""
    while (found := scrub_text(text)) != text:
        text = found
    return text


@settings(max_examples=1000, deadline=None)
@given(TEXTS)
def test_scrubbed_text_always_passes(text: str) -> None:
    """Patterns redact at reduction; they never drop a conversion. So what was scrubbed must not be stopped here."""
    found = scrubbed(text)
    assert check({"name": found}) is None
    assert check(query=[("q", found)], mode=Decision.COOKIELESS) is None


@settings(max_examples=500, deadline=None)
@given(TEXTS, TEXTS)
def test_reduced_urls_always_pass(path: str, query: str) -> None:
    """Likewise what is left of pages' addresses."""
    for host in ("shop.example", "127.0.0.1:8080", "[::1]:8080"):
        url = f"https://{host}/{path}?utm_source={query}&q={query}"
        for reduced, mode in (
            (full_url(url, frozenset()), Decision.FULL),
            (cookieless_url(url), Decision.COOKIELESS),
        ):
            assert check(query=[("q", reduced or "")], mode=mode) is None


@settings(max_examples=300, deadline=None)
@given(
    st.ip_addresses(),
    st.sampled_from(["", " ", "ip=", "(", "/", ", ", "é", '"']),
    st.sampled_from(["", ".", " ", ")", "/", "é"]),
)
def test_every_whole_address_is_found(address: Any, before: str, after: str) -> None:
    """Whatever stands around it; only what is truncated already, or a short form that is a time, is let be."""
    text = f"{before}{address}{after}".encode()
    packed = address.packed
    truncated = packed[3] == 0 if len(packed) == 4 else not any(packed[6:])
    short = str(address).count(":") < 3 and (str(address)[0] not in "23f" or str(address).find(":") != 4)
    assert holds_address(text) is not truncated or (len(packed) == 16 and short)


def test_the_agents_of_real_browsers_pass() -> None:
    """Every full request carries one."""
    assert check({"data": [{"client_user_agent": USER_AGENT}], "name": USER_AGENT}) is None


def test_secrets_are_found_wherever_settings_hold_them() -> None:
    """In stanzas within stanzas as well; and of a service account's key the private key, however it is written."""

    class Inner(BaseModel):
        model_config = {"arbitrary_types_allowed": True}
        key: Secret

    class Outer(BaseModel):
        inner: dict[str, list[Inner]]
        credentials: Secret

    outer = Outer(inner={"a": [Inner(key=Secret("deep-secret"))]}, credentials=Secret(service_account_json()))
    found = secrets_of([outer])
    private = orjson.loads(service_account_json())["private_key"]
    assert found == {"deep-secret", service_account_json(), private}
    egress = Egress(Declaring(), found)
    body = {"name": private}
    assert (
        egress.check(Request("POST", URL, body=body), orjson.dumps(body), Decision.FULL) is Violation.SECRET
    )
