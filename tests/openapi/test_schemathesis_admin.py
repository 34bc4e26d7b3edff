"""The admin listeners do as docs/openapi.yaml says, whoever asks and whatever for, and nothing is a 500.

One is on loopback and has the store of a gateway; the other can be reached by others, wants a token, and has made-up
numbers, so that reports are full. The cases are schemathesis's; always the same ones.
"""

from collections.abc import Mapping
from typing import Final

import pytest

from tests.support.admin_listener import TOKEN, Admins
from tests.support.openapi_cases import ALWAYS, boundary, drawn
from tests.support.openapi_file import Place, places

POSITIVE: Final = "positive"
NEGATIVE: Final = "negative"
ALL = places("admin")
WITH_TOKEN: Mapping[str, str] = {"Authorization": f"Bearer {TOKEN}"}


def label(place: Place) -> str:
    """Name a method of a path."""
    return place.label


@pytest.mark.parametrize("place", ALL, ids=label)
def test_on_loopback_every_answer_is_of_the_file(place: Place, admins: Admins) -> None:
    """What fits, and what does not."""
    assert boundary(place, POSITIVE, admins.loopback, {}, ALWAYS, 25) > 0
    drawn(place, POSITIVE, admins.loopback, {}, ALWAYS, 5)


@pytest.mark.parametrize("place", ALL, ids=label)
def test_broken_questions_get_an_answer_of_the_file(place: Place, admins: Admins) -> None:
    """With the token and without."""
    boundary(place, NEGATIVE, admins.token, WITH_TOKEN, ALWAYS, 20)
    boundary(place, NEGATIVE, admins.token, {}, ALWAYS, 6)


@pytest.mark.parametrize("place", ALL, ids=label)
def test_without_the_token_nothing_but_the_login_is_told(place: Place, admins: Admins) -> None:
    """Each answer is of the file all the same."""
    drawn(place, POSITIVE, admins.token, {}, ALWAYS, 3)
    drawn(place, POSITIVE, admins.token, {"Authorization": "Bearer wrong"}, ALWAYS, 3)
