"""The admin listeners do as docs/openapi.yaml says, whoever asks and whatever for, and nothing is a 500.

One is on loopback and has the store of a gateway; the other can be reached by others, wants a token, and has made-up
numbers, so that reports are full. The cases are schemathesis's; always the same ones.
"""

from collections.abc import Mapping

import pytest
from schemathesis import GenerationMode

from tests.support.admin_listener import TOKEN, Admins
from tests.support.openapi_cases import ALWAYS, boundary, drawn
from tests.support.openapi_file import Operation, operations

POSITIVE, NEGATIVE = GenerationMode.POSITIVE, GenerationMode.NEGATIVE
ALL = operations("admin", POSITIVE)
ALL_WRONG = operations("admin", NEGATIVE)
WITH_TOKEN: Mapping[str, str] = {"Authorization": f"Bearer {TOKEN}"}


def label(operation: Operation) -> str:
    """Name an operation."""
    return str(operation.label)


@pytest.mark.parametrize("operation", ALL, ids=label)
def test_on_loopback_every_answer_is_of_the_file(operation: Operation, admins: Admins) -> None:
    """What fits, and what does not."""
    assert boundary(operation, POSITIVE, admins.loopback, {}, ALWAYS, 25) > 0
    drawn(operation, POSITIVE, admins.loopback, {}, ALWAYS, 5)


@pytest.mark.parametrize("operation", ALL_WRONG, ids=label)
def test_broken_questions_get_an_answer_of_the_file(operation: Operation, admins: Admins) -> None:
    """With the token and without."""
    boundary(operation, NEGATIVE, admins.token, WITH_TOKEN, ALWAYS, 20)
    boundary(operation, NEGATIVE, admins.token, {}, ALWAYS, 6)


@pytest.mark.parametrize("operation", ALL, ids=label)
def test_without_the_token_nothing_but_the_login_is_told(operation: Operation, admins: Admins) -> None:
    """Each answer is of the file all the same."""
    drawn(operation, POSITIVE, admins.token, {}, ALWAYS, 3)
    drawn(operation, POSITIVE, admins.token, {"Authorization": "Bearer wrong"}, ALWAYS, 3)
