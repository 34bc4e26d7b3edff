"""Contact data as pages have it already for other tags: what the loader passes on is understood as it is."""

from typing import Any

import pytest

from proxy.event import UserData
from proxy.parse import InvalidInputError, parse_event

OURS = UserData(
    email="kari@shop.example",
    phone="+4790000000",
    first_name="Kari",
    last_name="Nordmann",
    city="Oslo",
    postal_code="0150",
    country="NO",
)
ADDRESS = {"city": "Oslo", "country": "NO"}


def parsed(user_data: dict[str, Any]) -> UserData | None:
    """Return what is understood of it."""
    event = parse_event(
        {"name": "purchase", "user_data": user_data}, now_ms=1_795_341_600_000, mint_id="m", trusted=False
    )
    return event.user_data


@pytest.mark.parametrize(
    "said",
    [
        {
            "email": "kari@shop.example",
            "phone_number": "+4790000000",
            "address": ADDRESS | {"first_name": "Kari", "last_name": "Nordmann", "postal_code": "0150"},
        },
        {
            "email": "kari@shop.example",
            "phone_number": "+4790000000",
            "address": [
                ADDRESS
                | {"first_name": "Kari", "last_name": "Nordmann", "postal_code": "0150", "street": "Gata 1"},
                {"first_name": "Ola", "city": "Bergen"},
            ],
        },
        {
            "email": "kari@shop.example",
            "phone": "+4790000000",
            "firstName": "Kari",
            "lastName": "Nordmann",
            "address": ADDRESS | {"postalCode": "0150", "street": "Gata 1"},
            "createdAt": 1,
        },
    ],
    ids=["gtag", "gtag with two addresses", "segment"],
)
def test_what_other_tags_are_told_is_understood(said: dict[str, Any]) -> None:
    """Of several addresses the first; a street has no place here."""
    assert parsed(said) == OURS


def test_our_own_names_go_first() -> None:
    """What is said twice is taken from where it belongs."""
    assert parsed({"phone": "+1", "phone_number": "+2", "city": "A", "address": {"city": "B"}}) == UserData(
        phone="+1", city="A"
    )


@pytest.mark.parametrize("address", [None, "Gata 1, Oslo", [], ["Oslo"], {}, 7])
def test_an_address_of_another_shape_says_nothing(address: object) -> None:
    """It costs nobody the event."""
    assert parsed({"email": "a@b.no", "address": address}) == UserData(email="a@b.no")


def test_what_is_no_text_is_refused_under_any_name() -> None:
    """As it is under ours; the detail names the place, never the value."""
    with pytest.raises(InvalidInputError) as refused:
        parsed({"phone_number": 4790000000})
    assert refused.value.detail == "user_data.phone: text"
