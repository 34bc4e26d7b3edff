"""``docs/openapi.yaml``, read; and as schemathesis needs it.

Schemathesis takes seconds to import, and every process of a parallel run reads every test file: so it is imported where
cases are made, and not before.
"""

import time
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import yaml

if TYPE_CHECKING:
    from schemathesis.schemas import APIOperation, BaseSchema

FILE: Final = Path(__file__).resolve().parents[2] / "docs" / "openapi.yaml"
METHODS: Final = ("get", "post", "put", "delete", "options", "head", "patch", "trace")
Mode = Literal["positive", "negative"]
"""Whether cases are to fit the file."""
_UNITS: Final = {"ms": 1000, "us": 1_000_000}


@cache
def document() -> dict[str, Any]:
    """Return the file."""
    found: dict[str, Any] = yaml.load(FILE.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    return found


def schemas() -> dict[str, Any]:
    """Return its schemas."""
    found: dict[str, Any] = document()["components"]["schemas"]
    return found


def documented(tag: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield method, path and operation of one listener's."""
    for path, item in document()["paths"].items():
        for method in METHODS:
            if method in item and tag in item[method]["tags"]:
                yield method, path, item[method]


@dataclass(frozen=True, slots=True)
class Place:
    """A method of a path; the tests are named by it."""

    method: str
    path: str

    @property
    def label(self) -> str:
        """Return it as schemathesis writes it."""
        return f"{self.method.upper()} {self.path}"


def places(tag: str) -> list[Place]:
    """Return what one listener answers."""
    return [Place(method, path) for method, path, _ in documented(tag)]


@cache
def schema(mode: Mode = "positive") -> "BaseSchema":
    """Return it as schemathesis reads it, to make cases that fit it or do not."""
    import schemathesis  # noqa: PLC0415 - see above
    from schemathesis.config import SchemathesisConfig  # noqa: PLC0415 - see above

    checks = {
        # Of a list with an event that is not valid the others are taken.
        "negative_data_rejection": {"expected-statuses": ["200", "4xx"]},
        "positive_data_acceptance": {"expected-statuses": ["2xx", "3xx", "404"]},
    }
    config = SchemathesisConfig.from_dict({"checks": checks})
    return schemathesis.openapi.from_dict(_for_generating(mode), config=config)


def operation(method: str, path: str, mode: Mode = "positive") -> "APIOperation[Any, Any, Any, Any]":
    """Return one operation, to make cases of that kind."""
    return schema(mode)[path][method]


def _for_generating(mode: Mode) -> dict[str, Any]:
    """Return the file with its times as bounds. For what is to be taken, also without what no generator can know."""
    made: dict[str, Any] = _dated(deepcopy(document()), time.time(), positive=mode == "positive")
    for path, item in made["paths"].items():
        for method in METHODS:
            content = item.get(method, {}).get("requestBody", {}).get("content", {})
            if path != "/g/collect":
                content.pop("text/plain", None)  # JSON as text: the examples send it
    if mode == "positive":
        (stream,) = made["paths"]["/mp/collect"]["post"]["parameters"]
        stream["schema"] = {"enum": ["G-XXXXXXX", ""]}  # the site's own
        message = made["components"]["schemas"]["Message"]["properties"]
        message["validation_behavior"] = {
            "enum": ["RELAXED", None]
        }  # the other makes of remarks what is refused
        message["client_id"]["anyOf"][0]["pattern"] = (
            "^[0-9]{3,9}\\.[0-9]{10}$"  # others may look like a person's
        )
        place = message["user_location"]["properties"]
        place["country_id"] = {"enum": ["NO", "no", "", None]}
        place["region_id"]["anyOf"][0]["pattern"] = "^[nN][oO]-[A-Za-z0-9]{1,3}$"  # a region of that country
    return made


def _dated(node: Any, now_s: float, *, positive: bool) -> Any:
    """Turn ``x-after`` and ``x-before`` into bounds; a text that holds such a time becomes one that does.

    The clock goes on while the tests run: for an hour what is within the bounds is taken (``positive``), or what is
    without is refused.
    """
    if isinstance(node, list):
        return [_dated(one, now_s, positive=positive) for one in node]
    if not isinstance(node, dict):
        return node
    node = {key: _dated(value, now_s, positive=positive) for key, value in node.items()}
    unit = _UNITS[node.pop("x-unit", "ms")]
    after, before = node.pop("x-after", None), node.pop("x-before", None)
    if node.get("type") == "string" and before is not None:
        return {"enum": [str(int(now_s) * unit), str((int(now_s) - 86_400) * unit)]} if positive else node
    if after is not None:
        node["minimum"] = int(now_s + after + (3600 if positive else 0)) * unit
    if before is not None:
        node["maximum"] = int(now_s + before + (0 if positive else 3600)) * unit
    return node
