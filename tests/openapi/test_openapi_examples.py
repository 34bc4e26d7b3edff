"""The examples of docs/openapi.yaml are real: each is sent, and answered as it says. So is every status that it names.

What generated cases hardly reach is here too: full reports, full exports, a store that is away.
"""

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import jsonschema_rs
import orjson
import pytest

from proxy.admin_guard import Guard
from proxy.dashboard.source import StoreSource
from proxy.operate.desk import Desk
from tests.support.admin_listener import TOKEN, Admins, listening
from tests.support.background import Background
from tests.support.openapi_cases import ALWAYS, KEY, functions
from tests.support.openapi_file import document, documented, operation
from tests.support.own_valkey import Valkey
from tests.support.rig import GRANT, ORIGIN, Rig, site

if TYPE_CHECKING:
    from schemathesis.core.transport import Response

PAGE: Mapping[str, str] = {"Origin": ORIGIN}
BACKEND: Mapping[str, str] = {"Authorization": f"Bearer {KEY}"}
LOGIN: Mapping[str, str] = {"Authorization": f"Bearer {TOKEN}"}
JSON: Mapping[str, str] = {**PAGE, "Content-Type": "application/json"}


def ask(
    method: str,
    path: str,
    url: str,
    headers: Mapping[str, str],
    *,
    said: str = "",
    query: Mapping[str, str] | None = None,
    places: Mapping[str, str] | None = None,
    data: bytes | None = None,
) -> "Response":
    """Send a request; its answer is one that the file names for this operation (or for another, ``said``, of the path)."""
    case = operation(said or method, path).Case(
        method=cast("Any", method.upper()), path_parameters=dict(places or {}), query=dict(query or {})
    )
    more: dict[str, Any] = {} if data is None else {"data": data}
    answer = case.call(url, headers=dict(headers), timeout=30, allow_redirects=False, **more)
    case.validate_response(answer, checks=functions(ALWAYS))
    return answer


def requests_of(tag: str) -> Iterator[tuple[str, str, str, str, Any]]:
    """Yield method, path, media type, name and example of each request's body."""
    for method, path, one in documented(tag):
        for media, content in one.get("requestBody", {}).get("content", {}).items():
            for name, example in content.get("examples", {}).items():
                yield method, path, media, name, example


EXAMPLES = list(requests_of("public"))


@pytest.mark.parametrize(
    ("method", "path", "media", "name", "example"), EXAMPLES, ids=[f"{one[1]}-{one[3]}" for one in EXAMPLES]
)
def test_each_example_is_answered_as_it_says(
    method: str, path: str, media: str, name: str, example: Any, gateway: Rig
) -> None:
    """Status, headers and body; where an example of the answer is named, it is that to the letter."""
    body = example["value"] if media == "text/plain" else _json(example["value"]).decode()
    headers = {**(BACKEND if "mp/" in path else PAGE), "Content-Type": media}
    answer = ask(method, path, gateway.url, headers, query=example.get("x-query"), data=body.encode())
    expected = example["x-answer"]
    assert answer.status_code == expected["status"], answer.content
    if "example" in expected:
        said = _answers(document()["paths"][path][method], expected["status"])
        assert answer.json() == said["examples"][expected["example"]]["value"]


def _answers(operation: Mapping[str, Any], status: int) -> Any:
    found = operation["responses"][str(status)]
    if "$ref" in found:
        found = document()["components"]["responses"][found["$ref"].rpartition("/")[2]]
    return found["content"]["application/json"]


def nodes(node: Any) -> Iterator[dict[str, Any]]:
    """Yield every object of the file."""
    if isinstance(node, list):
        for one in node:
            yield from nodes(one)
    elif isinstance(node, dict):
        yield node
        for one in node.values():
            yield from nodes(one)


def schemas_with_examples() -> Iterator[tuple[Any, Any]]:
    """Yield each schema of the file with an example that stands beside it or in it."""
    for node in nodes(document()):
        examples = node.get("examples", [])
        if "schema" not in node:
            yield from ((node, one) for one in examples if isinstance(examples, list))
            continue
        if "example" in node:
            yield node["schema"], node["example"]
        for one in dict(examples).values():
            if one.get("x-answer", {}).get("status", 204) == 204:
                yield node["schema"], one["value"]


def test_every_example_fits_the_schema_that_it_stands_beside() -> None:
    """But for requests that are there to be refused."""
    seen = 0
    for schema, example in schemas_with_examples():
        whole = {**schema, "components": document()["components"]}
        jsonschema_rs.Draft202012Validator(whole, validate_formats=True).validate(example)
        seen += 1
    assert seen > 25


def test_a_closed_object_names_every_key_that_it_requires() -> None:
    """Schemathesis would let a required key pass that has no schema."""
    closed = [one for one in nodes(document()) if one.get("additionalProperties") is False]
    assert len(closed) > 20
    for one in closed:
        assert set(one.get("required", [])) <= set(one["properties"])


@pytest.mark.parametrize(
    ("method", "path", "headers", "data", "status"),
    [
        ("post", "/collect", {"Content-Type": "application/json"}, b'{"name": "a"}', 403),
        ("post", "/collect", {**JSON, "Origin": "null"}, b'{"name": "a"}', 403),
        ("post", "/collect", JSON, b"{" + b" " * 65_536 + b"}", 413),
        ("post", "/collect", JSON, b'{"events": [' + b"1," * 100 + b"1]}", 413),
        ("post", "/collect", JSON, b'{"name": "a", "x": ' + b"[" * 9 + b"]" * 9 + b"}", 400),
        ("post", "/collect", {**PAGE, "Content-Type": "text/html"}, b"{}", 415),
        ("post", "/collect", {**JSON, "Content-Encoding": "gzip"}, b"{}", 415),
        ("post", "/g/collect", {**PAGE, "Content-Type": "application/json"}, b"{}", 415),
        ("post", "/g/collect", {**PAGE, "Content-Type": "text/plain"}, b"en=a\n" * 101, 413),
        ("get", "/g/collect", {}, None, 403),
        ("post", "/mp/collect", JSON, b"{}", 403),
        ("post", "/mp/collect", {**BACKEND, "Content-Type": "application/json"}, b"[]", 400),
        ("post", "/mp/collect", {**BACKEND, "Content-Type": "application/json"}, b"{", 400),
        ("post", "/debug/mp/collect", {**BACKEND, "Content-Type": "text/html"}, b"{", 200),
        ("post", "/debug/mp/collect", {}, b"{}", 403),
        ("post", "/consent", {"Content-Type": "application/json"}, b'{"ad_storage": "granted"}', 403),
        ("post", "/consent", JSON, b"[" * 2000, 400),
        ("delete", "/consent", {}, None, 403),
        ("options", "/collect", {"Origin": "https://evil.example"}, None, 403),
        ("options", "/collect", PAGE, None, 204),
        ("head", "/consent", {}, None, 200),
    ],
)
def test_refusals_are_of_the_file(
    method: str, path: str, headers: Mapping[str, str], data: bytes | None, status: int, gateway: Rig
) -> None:
    """Each with its reason, in the body and headers that the file names."""
    assert ask(method, path, gateway.url, headers, data=data).status_code == status


@pytest.mark.parametrize(
    ("path", "said"),
    [("/collect", "post"), ("/g/collect", "post"), ("/mp/collect", "post"), ("/consent", "post")],
)
def test_another_method_and_another_site_are_of_the_file(path: str, said: str, gateway: Rig) -> None:
    """405 names the methods that there are."""
    answer = ask("patch", path, gateway.url, PAGE, said=said)
    assert (answer.status_code, answer.json()["reason"]) == (405, "method")


def test_the_visitors_export_is_of_the_file(gateway: Rig) -> None:
    """With consent, events that wait, a history; and so is a refusal's, and that of nobody."""
    url = gateway.url
    answer = ask("post", "/consent", url, JSON, data=_json(dict(GRANT)))
    cookie = str(answer.headers["set-cookie"][0]).partition(";")[0]
    event = {"name": "purchase", "event_id": "order-2001", "params": {"value": 1, "currency": "NOK"}}
    asked = {**JSON, "Cookie": cookie}
    assert ask("post", "/collect", url, asked, data=_json(event)).status_code == 204
    held = ask("get", "/consent", url, asked, query={"export": "1"}).json()["held"]
    assert held["events"]
    assert held["records"]
    assert held["consent"]["ad_storage"] == "granted"
    left = ask("delete", "/consent", url, asked, query={"erase": "1"})
    lines = [str(line).partition(";")[0] for line in left.headers["set-cookie"]]
    refused = next(line for line in ",".join(lines).split(",") if line.startswith("_sayso_consent="))
    state = ask("get", "/consent", url, {**PAGE, "Cookie": refused}, query={"export": "1"}).json()
    assert state["held"]["refusal"] is not None
    assert ask("get", "/consent", url, PAGE, query={"export": "1"}).json()["held"]["events"] == []
    assert ask("get", "/consent", url, {"Origin": "null"}, query={"export": "1"}).status_code == 403


def _json(value: object) -> bytes:
    return orjson.dumps(value)


def test_what_became_of_an_event_is_of_the_file(gateway: Rig, admins: Admins) -> None:
    """At each forwarder: full, cookieless and dropped."""
    event = {"name": "purchase", "event_id": "order-3001", "consent": {"analytics_storage": "granted"}}
    assert ask("post", "/collect", gateway.url, JSON, data=_json(event)).status_code == 204
    answer = ask("get", "/events/{event_id}", admins.loopback, {}, places={"event_id": "order-3001"})
    (found,) = answer.json()["events"]
    assert {one["decision"] for one in found["forwarders"]} == {"full", "cookieless", "drop"}


@pytest.mark.parametrize("name", ["ullvik", "outlet", "new"])
@pytest.mark.parametrize(
    "query", [{}, {"period": "13m", "compare": "year"}, {"period": "today", "compare": "none"}, {"from": "x"}]
)
def test_reports_are_of_the_file(name: str, query: Mapping[str, str], admins: Admins) -> None:
    """Of a busy shop, a small one and an empty one; as page, as file and from the API."""
    asked = {"site": name, **query}
    status = 400 if "from" in query else 200
    for path in ("/api/report.json", "/api/report.csv"):
        assert ask("get", path, admins.token, LOGIN, query=asked).status_code == status
    for form in ("html", "csv", "json"):
        answer = ask("get", "/dashboard", admins.token, LOGIN, query={**asked, "format": form})
        assert answer.status_code == status


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("get", "/dashboard", {}, 401),
        ("get", "/dashboard", {"Authorization": "Bearer wrong"}, 401),
        ("get", "/api/report.json", {}, 401),
        ("get", "/api/report.csv", {"Authorization": "Bearer wrong"}, 401),
        ("post", "/dashboard/login", {"Content-Type": "application/x-www-form-urlencoded"}, 400),
        ("post", "/dashboard/logout", {"Content-Type": "application/x-www-form-urlencoded"}, 403),
        ("get", "/healthz", {}, 200),
        ("get", "/readyz", {}, 200),
        ("get", "/metrics", {}, 200),
    ],
)
def test_without_a_login_answers_are_of_the_file(
    method: str, path: str, headers: Mapping[str, str], status: int, admins: Admins
) -> None:
    """Metrics and health need none."""
    assert ask(method, path, admins.token, headers).status_code == status


@pytest.mark.parametrize("path", ["/dashboard", "/api/report.json", "/api/report.csv"])
def test_on_loopback_another_hosts_name_is_refused_as_the_file_says(path: str, admins: Admins) -> None:
    """DNS rebinding."""
    assert ask("get", path, admins.loopback, {"Host": "evil.example"}).status_code == 403


def test_too_many_requests_are_answered_as_the_file_says(background: Background, valkey: Valkey) -> None:
    """With the time to wait; the pixel gets its picture all the same."""
    rig = background.start(Rig(valkey.url, server={"rate_limit_per_minute": 1}))
    answers = [ask("get", "/consent", rig.url, PAGE) for _ in range(3)]  # a minute may end between two
    assert 429 in [one.status_code for one in answers]
    for method, path in (("post", "/consent"), ("get", "/.well-known/gpc.json"), ("get", "/g/collect")):
        ask(method, path, rig.url, PAGE)
    assert ask("get", "/collect", rig.url, PAGE).status_code == 200


def test_without_a_store_answers_are_of_the_file(background: Background) -> None:
    """503 with ``Retry-After``, no 500; metrics go on, and ``/readyz`` says what is the matter."""
    with tempfile.TemporaryDirectory(prefix="sayso-") as folder:
        server = Valkey(Path(folder))
        server.start()
        rig = background.start(Rig(server.url, {"shop": site(ingest_keys=[KEY])}, patience_s=0.1))
        desk = Desk(rig.settings, rig.sites, rig.store, rig.key)
        admin = background.start(listening(desk, StoreSource(desk), Guard()))
        server.stop()
        event = _json({"name": "page_view"})
        cookie = {**JSON, "Cookie": "_sayso=AAAAAAAAAAAAAAAAAAAAAA.1"}
        backend = {**BACKEND, "Content-Type": "application/json"}
        message = _json({"client_id": "1.1", "events": [{"name": "login"}]})
        for method, path, headers, data in (
            ("post", "/collect", JSON, event),
            ("post", "/mp/collect", backend, message),
            ("post", "/consent", JSON, _json(dict(GRANT))),
        ):
            answer = _away(method, path, rig.url, headers, data)
            assert answer.status_code == 503, answer.content
            assert answer.json()["reason"] == "store_unavailable"
        _away("get", "/consent", rig.url, cookie, None)
        for path in ("/events/{event_id}", "/dashboard", "/api/report.json", "/api/report.csv", "/readyz"):
            assert _away("get", path, admin, {}, None).status_code == 503, path
        for path in ("/metrics", "/healthz"):
            assert _away("get", path, admin, {}, None).status_code == 200, path


def _away(method: str, path: str, url: str, headers: Mapping[str, str], data: bytes | None) -> "Response":
    """Ask as ``ask`` does, where 503 is what is wanted."""
    case = operation(method, path).Case(path_parameters={"event_id": "x"} if "{" in path else {})
    more: dict[str, Any] = {} if data is None else {"data": data}
    answer = case.call(url, headers=dict(headers), timeout=30, **more)
    case.validate_response(
        answer, checks=functions([name for name in ALWAYS if name != "not_a_server_error"])
    )
    return answer
