"""Each limit of an event that docs/openapi.yaml states is the parser's: that much is taken, and one more is not."""

from collections.abc import Mapping
from typing import Any

import orjson
import pytest

from tests.support.openapi_cases import KEY
from tests.support.openapi_file import operation, schemas
from tests.support.rig import Rig

BACKEND: Mapping[str, str] = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
EVENT = {"name": "page_view"}
MESSAGE = {"client_id": "957607842.1772467665", "events": [{"name": "login"}]}
OWN = "EventInList/properties"
ITEMS = "Params/properties/items"

# Where it stands in the request, "[]" being a list of one, and where the file has its limit.
OF_EVENTS = [
    ("event_id", "Id/maxLength"),
    ("visitor", "Id/maxLength"),
    ("session_id", f"{OWN}/session_id/maxLength"),
    ("page.url", "Text/maxLength"),
    ("page.referrer", "Text/maxLength"),
    ("page.title", "Text/maxLength"),
    ("user_id", f"{OWN}/user_id/maxLength"),
    ("user_properties", f"{OWN}/user_properties/maxProperties"),
    ("user_properties.own", "Scalar/anyOf/0/maxLength"),
    *(
        (f"user_data.{name}", "Contact/maxLength")
        for name in ("email", "phone", "city", "firstName", "phone_number")
    ),
    ("consent.gcs", "ConsentString/maxLength"),
    ("consent.gpp", "ConsentString/maxLength"),
    ("client.language", f"{OWN}/client/properties/language/maxLength"),
    ("client.screen", f"{OWN}/client/properties/screen/maxLength"),
    ("client.user_agent", f"{OWN}/client/properties/user_agent/maxLength"),
    ("client.ip", f"{OWN}/client/properties/ip/maxLength"),
    ("ids", f"{OWN}/ids/maxProperties"),
    ("ids.gclid", f"{OWN}/ids/patternProperties/^.{{0,40}}$/maxLength"),
    ("params", "Params/anyOf/0/maxProperties"),
    ("params.own", "Scalar/anyOf/0/maxLength"),
    ("params.transaction_id", "Params/properties/transaction_id/anyOf/0/maxLength"),
    ("params.items", f"{ITEMS}/maxItems"),
    ("params.items.[]", f"{ITEMS}/items/maxProperties"),
    ("params.items.[].own", "Scalar/anyOf/0/maxLength"),
]
OF_MESSAGES = [
    ("user_id", "Message/properties/user_id/maxLength"),
    ("user_properties", "Message/properties/user_properties/maxProperties"),
    ("user_data.email", "Contact/maxLength"),
    ("user_data.address.[].city", "Contact/maxLength"),
    ("device.language", "Message/properties/device/properties/language/maxLength"),
    ("ids.gclid", f"{OWN}/ids/patternProperties/^.{{0,40}}$/maxLength"),
    ("events.[].params.event_id", "Id/maxLength"),
    ("events.[].params.page_location", "Text/maxLength"),
    ("events.[].params.own", "Scalar/anyOf/0/maxLength"),
    ("events.[].params.items", f"{ITEMS}/maxItems"),
    ("events.[].params", "MessageEvent/properties/params/anyOf/0/maxProperties"),
    ("events", "Message/properties/events/maxItems"),
]
ALL = [("/collect", *row) for row in OF_EVENTS] + [("/mp/collect", *row) for row in OF_MESSAGES]


def limit_at(place: str) -> int:
    """Return a number of the file."""
    found: Any = schemas()
    for step in place.split("/"):
        found = found[int(step)] if isinstance(found, list) else found[step]
    return int(found)


def filled(path: str, where: str, keyword: str, size: int) -> bytes:
    """Return a request with a value of that size at a place."""
    last = where.rpartition(".")[2]
    value: Any
    if keyword == "maxLength":
        value = "x" * size
    elif keyword == "maxItems":
        value = [{"name": "login"} if last == "events" else {"item_id": "x"}] * size
    else:
        one = {"value": "x"} if (path, last) == ("/mp/collect", "user_properties") else "x"
        value = {f"k{number}": one for number in range(size)}
    for key in reversed(where.split(".")):
        if isinstance(value, dict) and key == "[]":
            value = {"name": "login", **value} if where.startswith("events.") else value
        value = [value] if key == "[]" else {key: value}
    return orjson.dumps({**(EVENT if path == "/collect" else MESSAGE), **value})


@pytest.mark.parametrize(("path", "where", "place"), ALL, ids=[f"{path}-{where}" for path, where, _ in ALL])
def test_that_much_is_taken_and_one_more_is_not(path: str, where: str, place: str, gateway: Rig) -> None:
    """With an ingest key, as some fields are a backend's alone."""
    limit, keyword = limit_at(place), place.rpartition("/")[2]
    answers = [
        operation("post", path).Case().call(gateway.url, headers=dict(BACKEND), data=body).status_code
        for body in (filled(path, where, keyword, size) for size in (limit, limit + 1))
    ]
    assert answers == [204, 400]
