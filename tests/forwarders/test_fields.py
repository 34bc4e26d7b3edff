"""Fields that several vendors want alike: items, numbers, addresses of pages."""

import pytest

from forwarders._fields import Article, articles, number, web_url
from proxy.event import Scalar


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (249.5, 249.5),
        (2, 2),
        ("249.50", 249.5),
        (" 3 ", 3.0),
        ("249,50", None),
        ("nan", None),
        ("9" * 400, None),
        (True, None),
        ("", None),
        (None, None),
    ],
)
def test_a_number_may_be_written_as_text(written: Scalar | None, read: float | None) -> None:
    """Shops often send prices as text; what is no finite number is left out, not guessed."""
    assert number(written) == read


def test_an_item_needs_an_id() -> None:
    """Its name alone tells no catalogue what it is."""
    assert articles([{"item_name": "Genser"}, {"item_id": ""}, {"item_id": 42, "quantity": "2"}]) == [
        Article("42", "", None, 2)
    ]


@pytest.mark.parametrize("quantity", [0, -1, 0.5, "1e30", "many", True])
def test_an_impossible_quantity_is_left_out(quantity: Scalar) -> None:
    """One that no vendor could take (or JSON hold) would cost the event."""
    assert articles([{"item_id": "A", "quantity": quantity}]) == [Article("A", "", None, None)]


@pytest.mark.parametrize(
    ("written", "web"),
    [
        ("https://shop.example/a?b=c#d", True),
        ("HTTP://shop.example", True),
        ("android-app://com.example", False),
        ("//shop.example/a", False),
        ("/thanks", False),
        ("https:///thanks", False),
        ("https://shop.example/a b", False),
        ("javascript:alert(1)", False),
        ("", False),
        (None, False),
    ],
)
def test_only_absolute_web_addresses_are_sent(written: str | None, web: bool) -> None:
    """Vendors refuse events for others."""
    assert web_url(written) == (written if web else None)
