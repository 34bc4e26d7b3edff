"""Google's Additional Consent strings: their two forms, and everything that is neither."""

import pytest

from proxy.sources.additional_consent import MAX_LENGTH, AdditionalConsent, decode_additional


@pytest.mark.parametrize(
    ("text", "consented", "shown"),
    [
        ("1~", set(), None),
        ("1~35.41", {35, 41}, None),
        ("2~~dv.1.2.3", set(), {1, 2, 3}),
        ("2~1.2.3~dv.", {1, 2, 3}, set()),
        ("2~1.2.3~dv", {1, 2, 3}, set()),
        ("2~89~dv.7.311", {89}, {7, 311}),
        ("2~89.89~dv.89", {89}, {89}),
        ("2~~dv.", set(), set()),
    ],
)
def test_both_versions_are_read(text: str, consented: set[int], shown: set[int] | None) -> None:
    """Version 1 lists what was consented to, version 2 also what was shown."""
    expected = AdditionalConsent(frozenset(consented), None if shown is None else frozenset(shown))
    assert decode_additional(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1",
        "2",
        "1~~",
        "0~89",
        "3~89~dv.",
        "12~89",
        "2~89",
        "2~89~",
        "2~89~7",
        "2~89~dv.7~",
        "2~89~dv7",
        "2~89~DV.7",
        "1~89.",
        "1~.89",
        "1~8..9",
        "1~0",
        "1~089",
        "1~-89",
        "1~89\n",
        " 1~89",
        "1~٨٩",
        "1~8a",
        "1~1000000",
        "2%7E89%7Edv.",
        "1~" + ".".join(["89"] * MAX_LENGTH),
    ],
)
def test_anything_else_is_none(text: str) -> None:
    """A form that is not exactly Google's consents to nobody."""
    assert decode_additional(text) is None
