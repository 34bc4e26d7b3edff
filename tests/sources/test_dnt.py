"""The Do Not Track header."""

import pytest

from proxy.sources.dnt import asks_not_to_track


@pytest.mark.parametrize("headers", [["1"], [" 1 "], ["0", "1"]])
def test_a_one_objects(headers: list[str]) -> None:
    """One header that says 1 is enough."""
    assert asks_not_to_track(headers)


@pytest.mark.parametrize(
    "headers", [[], ["0"], [""], ["yes"], ["true"], ["11"], ["1,0"], ["null"], ["unspecified"], ["\u00b9"]]
)
def test_anything_else_says_nothing(headers: list[str]) -> None:
    """Neither an objection nor a consent."""
    assert not asks_not_to_track(headers)
