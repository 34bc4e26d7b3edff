"""Free parameters whose names say that they hold contact data or a key: the value does not matter, it is not sent."""

from dataclasses import replace

import pytest

from tests.support.reduction import event, full


@pytest.mark.parametrize("name", ["first_name", "email", "phone", "password", "zip"])
def test_a_name_that_promises_personal_data_hides_its_value(name: str) -> None:
    """A first name has no form by which it could be known."""
    reduced = full(event(params={name: "Kari", "coupon": "SUMMER"}), "meta")
    assert reduced.params == {name: "[redacted]", "coupon": "SUMMER"}


@pytest.mark.parametrize(
    "name", ["search_term", "item_list_name", "promotion_name", "content_type", "method", "payment_type"]
)
def test_the_usual_parameters_keep_theirs(name: str) -> None:
    """GA4's own names are not taken for a person's."""
    assert full(event(params={name: "Genser"}), "meta").params == {name: "Genser"}


def test_an_event_id_that_is_an_address_goes_as_its_hash() -> None:
    """It still tells one event from another, and the same one from a repetition."""

    def of(event_id: str) -> str:
        return full(replace(event(), event_id=event_id), "meta").event_id

    once, again, other = (of(made) for made in ("a@b.no", "a@b.no", "c@b.no"))
    assert once == again != other
    assert "@" not in once
    assert of("018f-order-1") == "018f-order-1"
