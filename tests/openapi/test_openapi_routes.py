"""docs/openapi.yaml and the code have the same routes, methods, reasons and limits: neither more nor fewer."""

import re
from collections.abc import Iterator
from enum import StrEnum
from typing import Any

import pytest
from aiohttp import web
from aiohttp.web_urldispatcher import DynamicResource

import proxy.parse as limits
from forwarders._ga_limits import RESERVED_EVENTS, RESERVED_PROPERTIES
from proxy.admin_guard import Guard
from proxy.dashboard.answers_by_day import Unit
from proxy.dashboard.period import Compare, Period
from proxy.dashboard.question import MOST_DAYS, Mistake
from proxy.gateway.gateway import Gateway
from proxy.gateway.server import MAX_BODY
from proxy.measurement.findings import Code
from proxy.measurement.message import MAX_EVENTS as MOST_MESSAGE_EVENTS
from proxy.operate.desk import Desk
from proxy.reasons import Fault, Invalid, Outcome, OutcomeReason, Reason
from proxy.report.model import Consented
from proxy.signals import SIGNALS
from tests.support.admin_listener import admin_application
from tests.support.made_up_report import MadeUp
from tests.support.openapi_file import document, documented, schemas
from tests.support.rig import Rig

_DIGEST = re.compile(r"\.[0-9a-f]{8,64}\.js$")


def routes_of(gateway: Gateway) -> Iterator[tuple[str, str]]:
    """Yield method and path of all that a gateway serves at the root of a host."""
    for (_, path), (_, methods) in gateway._routes.items():
        yield "options", path
        for method in methods:
            yield method.lower(), path
        if "GET" in methods:
            yield "head", path
    for _, path in gateway._loaders._routes:
        for method in ("get", "head", "options"):
            yield method, _DIGEST.sub(".{hash}.js", path)


def routes_of_admin(app: web.Application) -> Iterator[tuple[str, str]]:
    """Yield method and path of all that the admin application serves."""
    for route in app.router.routes():
        assert route.resource is not None
        path = route.resource.canonical
        if isinstance(route.resource, DynamicResource):
            for one in _choice_of(route.resource):
                yield route.method.lower(), re.sub(r"\{[^}]+\}", one, path)
            if _choice_of(route.resource):
                continue
        yield route.method.lower(), path


def _choice_of(resource: DynamicResource) -> list[str]:
    """Return what a part of a path may be, where it is one of few words."""
    found = re.search(r"\(\?P<\w+>([a-z]+(?:\|[a-z]+)+)\)", resource.get_info()["pattern"].pattern)
    return found[1].split("|") if found else []


def paths_of(tag: str) -> set[tuple[str, str]]:
    """Return method and path of what the file says of a listener."""
    return {(method, path) for method, path, _ in documented(tag)}


def test_the_gateway_serves_what_the_file_says_and_nothing_else(gateway: Rig) -> None:
    """The loader's names with it."""
    assert set(routes_of(gateway.parts.gateway)) == paths_of("public")


def test_the_admin_listener_serves_what_the_file_says_and_nothing_else(gateway: Rig) -> None:
    """The dashboard with it."""
    desk = Desk(gateway.settings, gateway.sites, gateway.store, gateway.key)
    app = admin_application(desk, MadeUp(), Guard())
    assert set(routes_of_admin(app)) == paths_of("admin")


def enum_at(path: str) -> set[object]:
    """Return the words of an enum of the file, by its place below ``components/schemas``; without null and empty."""
    found: Any = schemas()
    for step in path.split("/"):
        found = found[int(step)] if isinstance(found, list) else found[step]
    words: list[object] = found["enum"]
    assert len(words) == len(set(words))
    return set(words) - {None, ""}


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("Fault", Fault),
        ("Invalid", Invalid),
        ("Reason", Reason),
        ("OutcomeReason", OutcomeReason),
        ("Answers/items", Consented),
        ("Report/properties/consent_by_day/properties/unit", Unit),
        ("State/properties/expired/items", SIGNALS),
        ("MessageEvent/properties/name/not", RESERVED_EVENTS),
        ("Message/properties/user_properties/propertyNames/not", RESERVED_PROPERTIES),
    ],
)
def test_closed_sets_are_those_of_the_code(place: str, words: type[StrEnum] | frozenset[str]) -> None:
    """A reason that is new in the code is new in the file."""
    assert enum_at(place) == {str(word) for word in words}


def test_the_admin_listeners_reasons_hold_every_mistake() -> None:
    """And those of the guard and of ``explain``."""
    own = {"host", "token", "limited", "form", "unknown_site", "unknown_event", "store_unavailable"}
    assert enum_at("AdminReason") == own | {str(one) for one in Mistake}


def test_the_words_of_parameters_and_answers_are_those_of_the_code() -> None:
    """Periods, comparisons, outcomes, Google's codes."""
    paths = document()["paths"]
    asked = {one["name"]: one for one in paths["/dashboard"]["get"]["parameters"]}
    assert set(asked["period"]["schema"]["enum"]) == {*map(str, Period), ""}
    assert set(asked["compare"]["schema"]["enum"]) == {*map(str, Compare), ""}
    assert f"at most {MOST_DAYS} days" in asked["from"]["description"]
    outcomes = schemas()["Report"]["properties"]["forwarders"]["items"]["properties"]["outcomes"]
    assert set(outcomes["properties"]) == set(outcomes["required"]) == {str(one) for one in Outcome}
    answer = paths["/debug/mp/collect"]["post"]["responses"]["200"]["content"]["application/json"]["schema"]
    message = answer["properties"]["validationMessages"]["items"]["properties"]
    assert set(message["validationCode"]["enum"]) == {str(code) for code in Code}


def test_limits_are_those_of_the_parser() -> None:
    """Each number that the parser compares with stands in the file."""
    found = schemas()
    one, params = found["EventInList"]["properties"], found["Params"]
    assert found["Events"]["anyOf"][1]["properties"]["events"]["maxItems"] == limits.MAX_EVENTS
    assert found["Message"]["properties"]["events"]["maxItems"] == MOST_MESSAGE_EVENTS
    assert one["timestamp"]["x-after"] * 1000 == -limits.OLDEST_MS
    assert one["timestamp"]["x-before"] * 1000 == limits.NEWEST_MS
    assert found["Id"]["maxLength"] == limits.MAX_ID
    assert found["Text"]["maxLength"] == limits.MAX_TEXT
    assert found["ConsentString"]["maxLength"] == limits.MAX_STRING
    assert params["anyOf"][0]["maxProperties"] == limits.MAX_PARAMS
    assert params["properties"]["items"]["maxItems"] == limits.MAX_ITEMS
    assert params["properties"]["items"]["items"]["maxProperties"] == limits.MAX_ITEM_FIELDS
    assert set(found["Consent"]["properties"]) == {*SIGNALS, *limits.STRINGS}
    words = document()["paths"]["/collect"]["post"]["requestBody"]["description"]
    assert f"{MAX_BODY // 1024} KiB" in words
    assert f"{limits.MAX_DEPTH} levels" in words
