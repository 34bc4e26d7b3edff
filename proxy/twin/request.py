"""One request as it reached the twin, with the vendor's host and path taken apart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote_plus

import orjson

Pairs = list[tuple[str, str]]
"""Decoded name-value pairs in the order in which they were sent; names may repeat."""

_UNPARSED: Any = object()


def parse_pairs(text: str) -> Pairs:
    """Take a query string or form body apart; a name without ``=`` gets an empty value."""
    pairs: Pairs = []
    for part in text.split("&"):
        if part:
            name, _, value = part.partition("=")
            pairs.append((_decode(name), _decode(value)))
    return pairs


def _decode(text: str) -> str:
    return unquote_plus(text) if "%" in text or "+" in text else text  # most names and values are plain


class TwinRequest:
    """An outbound request of Sayso as the vendor would see it.

    Attributes:
        method: Upper-case HTTP method.
        host: The vendor's host, lower case, e.g. ``graph.facebook.com``.
        path: The vendor's path, still percent-encoded, with its leading slash.
        query: The raw query string without ``?``.
        raw_headers: Header names and values as bytes, as received.
        body: The body after content decoding.
    """

    __slots__ = ("_json", "body", "host", "method", "path", "query", "raw_headers")

    def __init__(
        self,
        method: str,
        target: str,
        raw_headers: tuple[tuple[bytes, bytes], ...] = (),
        body: bytes = b"",
    ) -> None:
        """Take the request target ``/HOST/PATH?query`` apart."""
        if not target.isascii():  # undecodable bytes come as lone surrogates, which no JSON can hold
            target = target.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        path, _, self.query = target.partition("?")
        host, slash, rest = path.lstrip("/").partition("/")
        self.method = method
        self.host = host.lower()
        self.path = slash + rest
        self.raw_headers = raw_headers
        self.body = body
        self._json: Any = _UNPARSED

    def __repr__(self) -> str:
        return f"TwinRequest({self.method} {self.host})"  # path, query and body may hold ids

    @property
    def json(self) -> Any:
        """The parsed JSON body; None when it is not JSON. Parsed once until ``forget``."""
        if self._json is _UNPARSED:
            try:
                self._json = orjson.loads(self.body)
            except orjson.JSONDecodeError:
                self._json = None
        return self._json

    def forget(self) -> None:
        """Lets go of the parsed JSON, so that a kept request costs no more than its bytes."""
        self._json = _UNPARSED

    @property
    def pairs(self) -> Pairs:
        """The decoded query."""
        return parse_pairs(self.query)

    @property
    def params(self) -> dict[str, str]:
        """The decoded query as a mapping; of a repeated name the last value stays."""
        return dict(parse_pairs(self.query))

    @property
    def text(self) -> str:
        """The body as text; undecodable bytes are replaced."""
        return self.body.decode("utf-8", "replace")

    @property
    def form(self) -> Pairs:
        """The body's pairs if it is a form, else empty."""
        if self.header("content-type").startswith("application/x-www-form-urlencoded"):
            return parse_pairs(self.text)
        return []

    @property
    def headers(self) -> Pairs:
        """All headers, names in lower case."""
        return [(n.decode("latin-1").lower(), v.decode("latin-1")) for n, v in self.raw_headers]

    def header(self, name: str) -> str:
        """Return the first header of this lower-case name, or ``""``."""
        wanted = name.encode()
        for key, value in self.raw_headers:
            if len(key) == len(wanted) and key.lower() == wanted:
                return value.decode("latin-1")
        return ""

    @property
    def bearer(self) -> str:
        """The token of an ``Authorization: Bearer`` header, or ``""``."""
        scheme, _, token = self.header("authorization").partition(" ")
        return token.strip() if scheme.lower() == "bearer" else ""

    @property
    def batch(self) -> list[Mapping[str, str]]:
        """The events of a GA4 web hit: one mapping per body line, or one from the query alone.

        Shared parameters come from the query and a line's own override them; lines end with LF or CRLF, blank
        ones do not count (Google: ``/g/collect`` as gtag.js sends it).
        """
        shared = self.params
        lines = [line for line in self.text.splitlines() if line.strip()]
        return [{**shared, **dict(parse_pairs(line))} for line in lines] or [shared]
