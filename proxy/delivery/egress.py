"""The last look at a request before it leaves: does it hold only what its mode may hold? Pure.

A violation is a bug of ours, so it is named by a word from a closed list and never by what was found. It costs the
event, not the vendor, and nothing is repaired here.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any, Final
from urllib.parse import parse_qsl

import orjson
from pydantic import BaseModel

from forwarders.base import Forwarder, Json, Request
from proxy.delivery.literals import holds_address
from proxy.reasons import Decision
from proxy.secret import Secret

_SHORTEST_SECRET = 8  # what is shorter is no secret and would be found by chance
# Hidden in reduction already; plain ASCII only, so that it finds nothing that reduction lets pass.
_EMAIL: Final = re.compile(rb"[0-9A-Za-z_+-](?:@|%40)(?:[0-9A-Za-z-]{1,63}\.)+[A-Za-z]{2,}")
_SEPARATORS: Final = re.compile(r"[_-]")
_CONTAINERS: Final = frozenset({dict, list, tuple})


class Violation(StrEnum):
    """What a request must not be or hold."""

    HOST = "host"
    HEADER = "header"
    KEY = "key"
    ADDRESS = "address"
    SECRET = "secret"  # noqa: S105  # the word, not one
    CONTACT = "contact"


class _Keys:
    """Names that are allowed, some of them as a prefix."""

    def __init__(self, declared: frozenset[str]) -> None:
        self._names = frozenset(name for name in declared if not name.endswith("*"))
        self._prefixes = tuple(name[:-1] for name in declared if name.endswith("*"))

    def allow(self, names: Iterable[str]) -> bool:
        extra = frozenset(names) - self._names
        return not extra or (bool(self._prefixes) and all(name.startswith(self._prefixes) for name in extra))

    def allow_all(self, body: Mapping[str, Json]) -> bool:
        return body.keys() <= self._names or self.allow(body)


class Egress:
    """The rules of one forwarder, compiled.

    Args:
        forwarder: what it declares is what it may.
        secrets: every secret of the configuration; authentication is added after this check, so none may be there yet.
    """

    def __init__(self, forwarder: Forwarder, secrets: Iterable[str]) -> None:
        self._hosts = forwarder.hosts
        self._headers = {
            Decision.FULL: forwarder.full_headers,
            Decision.COOKIELESS: forwarder.cookieless_headers,
        }
        self._keys = {
            Decision.FULL: _Keys(forwarder.full_keys),
            Decision.COOKIELESS: _Keys(forwarder.cookieless_keys),
        }
        self._open = {Decision.FULL: forwarder.open_keys, Decision.COOKIELESS: frozenset[str]()}
        self._secrets = tuple(sorted({form for secret in secrets for form in _forms(secret)}))

    def check(self, request: Request, body: bytes, mode: Decision) -> Violation | None:
        """Return what is wrong with a request, or None.

        Args:
            request: as the forwarder made it, without authentication.
            body: its body as it will be sent, without authentication; empty if there is none.
            mode: full or cookieless.
        """
        if not allowed_place(request.url, self._hosts):
            return Violation.HOST
        names = {name.lower() for name in request.headers}
        if body:
            names.add("content-type")
        if not names <= self._headers[mode]:
            return Violation.HEADER
        if not self._keys_allowed(request, mode):
            return Violation.KEY
        return self._content(request, body, mode)

    def _keys_allowed(self, request: Request, mode: Decision) -> bool:
        keys, free = self._keys[mode], self._open[mode]
        if request.query and not keys.allow(key for key, _ in request.query):
            return False
        if request.text is not None and not keys.allow(key for key, _ in _pairs(request.text)):
            return False
        level: list[Json] = [request.body] if type(request.body) in _CONTAINERS else []
        for one in level:  # grows as it goes
            values: Iterable[Json] = one
            if type(one) is dict:
                if not keys.allow_all(one):
                    return False
                values = (
                    one.values() if free.isdisjoint(one) else [one[key] for key in one if key not in free]
                )
            for value in values:
                kind = type(value)
                if kind is dict or ((kind is list or kind is tuple) and not _is_one_text(value)):
                    level.append(value)
        return True

    def _content(self, request: Request, body: bytes, mode: Decision) -> Violation | None:
        # One text of all that stands outside the body, so that each pattern runs over it once.
        parts = [request.url]
        parts += [value for name, value in request.query if not _is_agent(name)]
        parts += [value for name, value in request.headers.items() if not _is_agent(name)]
        if request.text is not None:  # it is a query that got too long
            parts += [value for name, value in _pairs(request.text) if not _is_agent(name)]
        outside = "\n".join(parts).encode("utf-8", "surrogatepass")
        if any(secret in outside or secret in body for secret in self._secrets):
            return Violation.SECRET
        if mode is Decision.COOKIELESS and (_EMAIL.search(outside) or _EMAIL.search(body)):
            return Violation.CONTACT
        if holds_address(outside):
            return Violation.ADDRESS
        # A user agent may look as if it held an address, so a hit in the body is looked at value by value.
        if holds_address(body) and any(holds_address(text) for text in _texts(request.body)):
            return Violation.ADDRESS
        return None


def _pairs(text: str) -> list[tuple[str, str]]:
    """Return the name-value pairs of a text body, decoded, over all of its lines."""
    return [
        pair for line in text.splitlines() for pair in parse_qsl(line, keep_blank_values=True, separator="&")
    ]


def allowed_place(url: str, hosts: frozenset[str]) -> bool:
    """Tell whether a URL is https, of one of these hosts, on its ordinary port, and names no user."""
    if not url.startswith("https://"):
        return False
    authority = url[8:].partition("/")[0].partition("?")[0]
    return authority in hosts


def secrets_of(models: Iterable[BaseModel]) -> frozenset[str]:
    """Return every secret of some forwarders' settings; of a service account's key, the private key as well."""
    found: set[str] = set()
    for secret in _secrets_in(list(models)):
        text = secret.reveal()
        found.add(text)
        if text.startswith("{"):
            try:
                key = orjson.loads(text)
            except orjson.JSONDecodeError:
                continue
            if isinstance(key, dict) and isinstance(key.get("private_key"), str):
                found.add(key["private_key"])
    return frozenset(found)


def _secrets_in(value: Any) -> Iterator[Secret]:  # settings may hold anything
    match value:
        case Secret():
            yield value
        case BaseModel():
            for _, below in value:
                yield from _secrets_in(below)
        case dict():
            for below in value.values():
                yield from _secrets_in(below)
        case list() | tuple() | set() | frozenset():
            for below in value:
                yield from _secrets_in(below)
        case _:
            return


def _forms(secret: str) -> Iterator[bytes]:
    """Yield a secret as it would stand in a query and in JSON."""
    if len(secret) >= _SHORTEST_SECRET:
        yield secret.encode("utf-8", "surrogatepass")
        yield orjson.dumps(secret.encode("utf-8", "replace").decode())[1:-1]


def _is_one_text(value: Sequence[Json]) -> bool:
    """Tell whether a list is the commonest of all, which has nothing to look into."""
    return len(value) == 1 and type(value[0]) is str


def _is_agent(key: str) -> bool:
    # The first look is quick, as it is taken at every parameter of every ping.
    return key[-5:].lower() == "agent" and _SEPARATORS.sub("", key.lower()).endswith("useragent")


def _texts(value: Json) -> Iterator[bytes]:
    """Yield the keys and text values of a JSON value, but for user agents."""
    match value:
        case str():
            yield value.encode("utf-8", "surrogatepass")
        case dict():
            for key, below in value.items():
                yield key.encode("utf-8", "surrogatepass")
                if not (isinstance(below, str) and _is_agent(key)):
                    yield from _texts(below)
        case list() | tuple():
            for below in value:
                yield from _texts(below)
        case _:
            return
