"""The public listener does as docs/openapi.yaml says: what fits is taken, what does not is refused, and nothing is a 500.

The cases are schemathesis's: both sides of every limit, and some by chance; always the same ones.
"""

from collections.abc import Mapping
from typing import Final

import pytest

from tests.support.openapi_cases import ALWAYS, KEY, REFUSED, TAKEN, boundary, drawn
from tests.support.openapi_file import Place, places
from tests.support.rig import ORIGIN, Rig

PAGE: Mapping[str, str] = {"Origin": ORIGIN}
BACKEND: Mapping[str, str] = {"Authorization": f"Bearer {KEY}"}
ENOUGH = 150  # of some 500 of an event and some 600 of a Measurement Protocol request; test_openapi_limits has each limit
STRICT = ("POST /collect", "POST /mp/collect", "POST /consent")
POSITIVE: Final = "positive"
NEGATIVE: Final = "negative"
ALL = places("public")
POSTS = [one for one in ALL if one.label in STRICT]


def label(place: Place) -> str:
    """Name a method of a path."""
    return place.label


def sender(place: Place) -> Mapping[str, str]:
    """Return the headers of who is let in at a route."""
    return BACKEND if place.label.endswith("mp/collect") and place.method == "post" else PAGE


@pytest.mark.parametrize("place", ALL, ids=label)
def test_what_fits_the_file_is_taken(place: Place, gateway: Rig) -> None:
    """And answered with a status, headers and a body that the file names."""
    headers = sender(place)
    checks = ALWAYS if place.path == "/g/collect" else TAKEN  # what a line must hold is Google's to say
    assert (
        boundary(place, POSITIVE, gateway.url, headers, checks, ENOUGH if place.label in STRICT else 40) > 0
    )
    drawn(place, POSITIVE, gateway.url, headers, checks, 4)


@pytest.mark.parametrize("place", POSTS, ids=label)
def test_what_does_not_fit_is_refused(place: Place, gateway: Rig) -> None:
    """From somebody who is let in: the parser is no laxer than the file. With a key, as more is read of such events."""
    headers = PAGE if place.path == "/consent" else BACKEND
    boundary(place, NEGATIVE, gateway.url, headers, REFUSED, ENOUGH)
    drawn(place, NEGATIVE, gateway.url, headers, REFUSED, 6)


@pytest.mark.parametrize("place", ALL, ids=label)
def test_whoever_sends_whatever_gets_an_answer_of_the_file(place: Place, gateway: Rig) -> None:
    """From any origin, without a key or with a wrong one, with broken parameters and bodies."""
    boundary(place, NEGATIVE, gateway.url, {}, ALWAYS, 12)
    drawn(place, POSITIVE, gateway.url, {"Authorization": "Bearer wrong"}, ALWAYS, 2)
