"""What holds for every forwarder, whoever wrote it: run over each module of the ``forwarders`` package."""

import ast
import importlib
import pkgutil
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

import forwarders
from forwarders.base import Forwarder, Request, Response
from forwarders.verdicts import Verdict
from proxy.event import CookielessEvent, FullEvent, UserData
from proxy.secret import Secret
from proxy.signals import ALL_DENIED, ALL_GRANTED
from tests.support.events import STANZAS, cookieless_event, full_event, full_event_for, trace_for

PACKAGE = Path(next(iter(forwarders.__path__)))
NOT_VENDORS = {"base", "auth", "verdicts"}
NAMES = sorted(
    module.name
    for module in pkgutil.iter_modules(forwarders.__path__)
    if not module.name.startswith("_") and module.name not in NOT_VENDORS
)
NOT_FOR_FORWARDERS = {"aiohttp", "redis", "asyncio", "time", "logging", "random", "secrets", "uuid", "socket"}

every_forwarder = pytest.mark.parametrize("name", NAMES)


def classes(name: str) -> list[type[Forwarder]]:
    """Return the forwarders that a module defines itself."""
    module = importlib.import_module(f"forwarders.{name}")
    return [
        one
        for one in vars(module).values()
        if isinstance(one, type) and issubclass(one, Forwarder) and one.__module__ == module.__name__
    ]


def build(name: str) -> Forwarder:
    """Make a module's forwarder of the least stanza."""
    return classes(name)[0].build(STANZAS[name])


def plain(request: Request) -> str:
    """Return all that the request says, twice percent-decoded and in lower case, for searching."""
    said = [request.url, str(request.query), str(request.headers), orjson.dumps(request.body).decode()]
    return unquote(unquote(" ".join(said))).lower()


def keys(value: object, below: frozenset[str] = frozenset()) -> Iterator[str]:
    """Walk the keys at any depth, but not those below the objects named."""
    if isinstance(value, dict):
        for key, one in value.items():
            yield key
            if key not in below:
                yield from keys(one, below)
    elif isinstance(value, list):
        for one in value:
            yield from keys(one, below)


def undeclared(request: Request, declared: frozenset[str], below: frozenset[str] = frozenset()) -> set[str]:
    """Return the keys of a request, in query and body, that the forwarder did not declare."""
    prefixes = tuple(key[:-1] for key in declared if key.endswith("*"))
    used = {key for key, _ in request.query} | set(keys(request.body, below))
    return {key for key in used if key not in declared and not (prefixes and key.startswith(prefixes))}


def check_place(forwarder: Forwarder, request: Request) -> None:
    """Fail where a request goes to a host that was not declared."""
    place = urlsplit(request.url)
    assert place.scheme == "https"
    assert place.netloc in forwarder.hosts
    assert not place.query, "a query goes into Request.query, where the egress check sees its keys"


# --- how a module looks ---------------------------------------------------------------------------------------------


def test_there_are_forwarders() -> None:
    """The tests below would pass over an empty package."""
    assert {"meta", "microsoft"} <= set(NAMES)


@every_forwarder
def test_a_module_holds_exactly_one_forwarder(name: str) -> None:
    """The stanza's name finds the module, and the module holds the one class."""
    assert len(classes(name)) == 1


@every_forwarder
def test_a_forwarder_declares_its_name_its_hosts_and_its_keys(name: str) -> None:
    """What is not declared is refused at the egress, so an empty declaration could send nothing."""
    forwarder = build(name)
    assert forwarder.title
    assert forwarder.hosts
    assert all(host == host.lower() and "/" not in host and ":" not in host for host in forwarder.hosts)
    assert forwarder.full_keys
    assert bool(forwarder.cookieless_keys) == forwarder.has_cookieless
    assert forwarder.batch.limit >= 1
    assert forwarder.batch.max_bytes >= 1000
    assert 0 < forwarder.full_max_age_s <= 72 * 3600


@every_forwarder
def test_a_forwarder_has_a_table_of_its_own(name: str) -> None:
    """Here stands what all have in common; what a vendor is sent stands in its own table."""
    assert (Path(__file__).parent / f"test_{name}.py").is_file()


@every_forwarder
def test_a_stanza_with_an_unknown_key_is_refused(name: str) -> None:
    """A misspelt key must not silently mean its default."""
    with pytest.raises(ValidationError, match="extra_forbidden"):
        classes(name)[0].build({**STANZAS[name], "surprise": 1})


@every_forwarder
def test_a_stanza_without_its_own_ids_is_refused(name: str) -> None:
    """Every key has a default but the site's own ids and secrets."""
    for key in STANZAS[name]:
        if key in {"conversion_id", "conversions"}:
            continue
        with pytest.raises(ValidationError):
            classes(name)[0].build({other: value for other, value in STANZAS[name].items() if other != key})


@pytest.mark.parametrize("path", sorted(PACKAGE.glob("*.py")), ids=lambda path: path.name)
def test_forwarders_know_no_network_store_clock_or_chance(path: Path) -> None:
    """They map; delivery does the rest. That is also why the same event always gives the same request."""
    imported = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            imported |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            imported.add(node.module.partition(".")[0])
    assert not imported & NOT_FOR_FORWARDERS


@pytest.mark.parametrize("path", sorted(PACKAGE.glob("*.py")), ids=lambda path: path.name)
def test_a_forwarder_is_a_short_file(path: Path) -> None:
    """At most 400 lines; one vendor fits."""
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400


# --- what a request may hold ----------------------------------------------------------------------------------------


@every_forwarder
def test_a_full_request_goes_where_and_holds_what_was_declared(name: str) -> None:
    """Delivery refuses other hosts, headers and keys; a forwarder must not run into that."""
    forwarder = build(name)
    request = forwarder.full([full_event_for(forwarder)])
    check_place(forwarder, request)
    assert not undeclared(request, forwarder.full_keys, forwarder.open_keys)
    assert {header.lower() for header in request.headers} <= forwarder.full_headers


@every_forwarder
def test_cookieless_works_exactly_where_it_is_declared(name: str) -> None:
    """The policy reads ``has_cookieless``; a vendor without such a mode is never asked."""
    forwarder = build(name)
    if not forwarder.has_cookieless:
        with pytest.raises(TypeError, match="cookieless"):
            forwarder.cookieless(cookieless_event())
        assert not forwarder.cookieless_configured("purchase")
        return
    request = forwarder.cookieless(cookieless_event())
    check_place(forwarder, request)
    assert not undeclared(request, forwarder.cookieless_keys)
    assert {header.lower() for header in request.headers} <= forwarder.cookieless_headers
    assert forwarder.cookieless_configured("purchase")


@every_forwarder
def test_the_same_event_always_gives_the_same_request(name: str) -> None:
    """A retry sends the same bytes, and mapping leaves the event as it was."""
    forwarder = build(name)
    event = full_event_for(forwarder, params={"coupon": "X", "tax": 99.8})
    untouched = replace(event, params=dict(event.params), items=[dict(item) for item in event.items])
    first = orjson.dumps(forwarder.full([event]).body)
    assert orjson.dumps(build(name).full([event]).body) == first
    assert event == untouched
    if forwarder.has_cookieless:
        ping = cookieless_event()
        assert plain(forwarder.cookieless(ping)) == plain(build(name).cookieless(ping))
        assert ping == cookieless_event()


@every_forwarder
def test_a_forwarder_adds_no_secret_itself(name: str) -> None:
    """Delivery adds them after its check of the request, so that none can end in a log of what was mapped."""
    forwarder = build(name)
    hidden = [value.reveal().lower() for _, value in forwarder if isinstance(value, Secret)]
    assert hidden
    said = plain(forwarder.full([full_event_for(forwarder)]))
    if forwarder.has_cookieless:
        said += plain(forwarder.cookieless(cookieless_event()))
    assert not [secret for secret in hidden if secret in said]
    assert not [secret for secret in hidden if secret in repr(forwarder).lower()]


# --- canaries -------------------------------------------------------------------------------------------------------

MARKED_CONTACT = UserData(
    email="canary-email@canary-mail.example",
    phone="+47 987 65 432",
    first_name="Canaryfirst",
    last_name="Canarylast",
    city="Canarytown",
    postal_code="CA9 9RY",
    country="ZZ",
)
RAW_CONTACT = (
    "canary-email", "canaryemail", "canary-mail", "4798765432", "987 65 432", "canaryfirst", "canarylast", "canarytown",
    "ca9 9ry", "ca99", '"zz"',
)  # fmt: skip
MARKED_ADDRESS = "203.0.113.0"


def marked_event(forwarder: Forwarder) -> FullEvent:
    """Return an event as reduction makes it for this forwarder, with a mark in all that is the visitor's own."""
    return full_event_for(
        forwarder,
        ids={key: f"canary-id-{key}" for key in forwarder.identify(trace_for(forwarder), ALL_GRANTED)},
        contact=forwarder.contact(MARKED_CONTACT, ALL_GRANTED),
        address=MARKED_ADDRESS,
        user_id="canary-user-id",
        user_properties={"canary_property": "canary-property-value"},
        event_id="canary-event-id",
    )


@every_forwarder
def test_contact_data_leaves_only_as_hashes(name: str) -> None:
    """Nothing of a name, an address or a number can be read in what is stored or sent."""
    forwarder = build(name)
    event = marked_event(forwarder)
    said = plain(forwarder.full([event])) + " ".join(event.contact.values()).lower()
    assert not [mark for mark in RAW_CONTACT if mark in said]
    assert all(len(value) == 64 and set(value) <= set("0123456789abcdef") for value in event.contact.values())


@every_forwarder
def test_a_full_request_holds_only_what_the_forwarder_takes(name: str) -> None:
    """The truncated address, the site's own user id and user properties go only where they are declared."""
    forwarder = build(name)
    said = plain(forwarder.full([marked_event(forwarder)]))
    if not forwarder.takes_address:
        assert MARKED_ADDRESS not in said
    if not forwarder.takes_user_id(ALL_GRANTED):
        assert "canary-user-id" not in said
        assert "canary-property-value" not in said


@every_forwarder
def test_the_visitor_is_nowhere_in_a_cookieless_request(name: str) -> None:
    """Not even where the same forwarder has just sent everything about the same visitor."""
    forwarder = build(name)
    if not forwarder.has_cookieless:
        return
    event = marked_event(forwarder)
    assert "canary" in plain(forwarder.full([event])), "the marks would be seen"
    said = plain(forwarder.cookieless(cookieless_event()))
    assert "canary" not in said
    assert MARKED_ADDRESS not in said
    assert not [value for value in event.contact.values() if value in said]


def test_a_cookieless_event_has_no_field_for_a_person() -> None:
    """The type itself is the allowlist: a field added here needs the privacy officer's guide changed as well."""
    assert {field.name for field in fields(CookielessEvent)} == {
        "name", "url", "referrer", "title", "params", "items", "value", "currency", "transaction_id", "user_agent",
        "language", "screen", "address", "country", "signals", "explicit", "random_id",
    }  # fmt: skip


@every_forwarder
def test_without_consent_nothing_identifies_towards_an_ad_vendor(name: str) -> None:
    """No hash, no click id, no user id of the site's own, whatever basis statistics stand on."""
    forwarder = build(name)
    trace = trace_for(forwarder)
    assert forwarder.contact(MARKED_CONTACT, ALL_DENIED) == {}
    assert not forwarder.keeps_click_ids(ALL_DENIED)
    assert not forwarder.takes_user_id(ALL_DENIED)
    ids = forwarder.identify(trace, ALL_DENIED)
    assert not set(ids.values()) & set(trace.click_ids.values())


# --- whatever comes -------------------------------------------------------------------------------------------------

TEXT = st.text(st.characters(codec="utf-8"), max_size=40)
SCALAR = st.one_of(
    TEXT,
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
    st.sampled_from(["249,50", "1e30", "nan", "-1", "2", "9" * 400]),
)
ITEM = st.dictionaries(
    st.sampled_from(["item_id", "item_name", "price", "quantity", "item_brand", "index", "discount"]), SCALAR
)
MONEY = st.one_of(st.none(), st.integers(-(10**9), 10**9), st.floats(-1e9, 1e9, allow_nan=False))
CHANGES = st.fixed_dictionaries(
    {
        "name": st.sampled_from(
            ["page_view", "purchase", "view_item_list", "search", "begin_checkout", "sign_up", "x"]
        ),
        "url": st.one_of(st.none(), TEXT, st.just("https://shop.example/a?b=c")),
        "referrer": st.one_of(st.none(), TEXT),
        "title": st.one_of(st.none(), TEXT),
        "params": st.dictionaries(
            st.one_of(
                TEXT, st.sampled_from(["search_term", "value", "event_label", "contents", "user_data"])
            ),
            SCALAR,
            max_size=4,
        ),
        "items": st.lists(ITEM, max_size=3),
        "value": MONEY,
        "currency": st.sampled_from([None, "NOK"]),
        "transaction_id": st.one_of(st.none(), TEXT),
        "user_agent": TEXT,
        "language": st.one_of(st.none(), st.sampled_from(["nb-NO", "en"])),
        "screen": st.one_of(st.none(), st.just("1920x1080")),
    }
)


@every_forwarder
@settings(max_examples=100, deadline=None)
@given(changes=CHANGES)
def test_whatever_a_site_reports_can_be_mapped_and_sent(name: str, changes: dict[str, Any]) -> None:
    """No event stops a forwarder, or makes it send a key that it did not declare."""
    forwarder = build(name)
    event = full_event(**changes)
    event.ids = forwarder.identify(trace_for(forwarder), ALL_GRANTED)
    if forwarder.configured_for(event.name) and forwarder.identified(event) and not forwarder.problem(event):
        request = forwarder.full([event])
        orjson.dumps(request.body)
        check_place(forwarder, request)
        assert not undeclared(request, forwarder.full_keys, forwarder.open_keys)
    if forwarder.has_cookieless and forwarder.cookieless_configured(event.name):
        request = forwarder.cookieless(cookieless_event(**changes))
        orjson.dumps(request.body)
        check_place(forwarder, request)
        assert not undeclared(request, forwarder.cookieless_keys)


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(10**6), 10**6), TEXT),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(
                "error code message details index error_subcode is_transient status errors fieldViolations field"
                " eventsReceived".split()
            ),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=12,
)


@every_forwarder
@settings(max_examples=200, deadline=None)
@given(
    status=st.integers(200, 599),
    answer=JSON,
    wait=st.one_of(st.none(), TEXT, st.integers(0, 10**9).map(str)),
    count=st.integers(1, 5),
)
def test_every_answer_means_something(
    name: str, status: int, answer: object, wait: str | None, count: int
) -> None:
    """However odd an answer is, it is read as one verdict, and never as more events than were sent."""
    forwarder = build(name)
    headers = {} if wait is None else {"retry-after": wait, "x-business-use-case-usage": wait}
    response = Response(status, headers, orjson.dumps(answer), answer)
    verdict = forwarder.read(response, count)
    assert isinstance(verdict, Verdict)
    refused = getattr(verdict, "refused", {})
    assert all(0 <= index < count for index in refused)
    if forwarder.has_cookieless:
        assert isinstance(forwarder.read_cookieless(response), Verdict)
