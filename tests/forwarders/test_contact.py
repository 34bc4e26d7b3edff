"""How contact data is normalised before any vendor's hash: what several vendors share."""

import re
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forwarders import _contact

EMAILS = {
    "outer spaces and capitals": (" John_Smith@Gmail.com ", "john_smith@gmail.com"),
    "dots and tags are somebody else's rule": ("a.b+c@Example.co.uk", "a.b+c@example.co.uk"),
    "a domain of another alphabet": ("KARI@ØRSTA.no", "kari@ørsta.no"),
    "no domain": ("kari@localhost", ""),
    "no local part": ("@example.com", ""),
    "two of them": ("a@example.com, b@example.com", ""),
    "an inner space": ("a b@example.com", ""),
    "an empty label": ("a@example..com", ""),
    "nothing": ("", ""),
}

PHONES = {
    "as people write it": ("+1 (650) 555-1212", "+16505551212"),
    "Norwegian": ("+47 912 34 567", "+4791234567"),
    "the national zero in brackets goes": ("+41 (0)79 123 45 67", "+41791234567"),
    "00 for the plus": ("0041 79 123 45 67", "+41791234567"),
    "00 and the national zero": ("0041 (0) 79 123 45 67", "+41791234567"),
    "dots and slashes": ("+44.20/7946.0018", "+442079460018"),
    "Italy's zero is part of the number": ("+39 06 1234 5678", "+390612345678"),
    "Italy's zero, in brackets too": ("+39 (0)6 1234 5678", "+390612345678"),
    "a typographic dash": ("+49 30\u2013901820", "+4930901820"),
    "a space that does not break": ("+47\u00a0912\u00a034\u00a0567", "+4791234567"),
    "as a link has it": ("tel:+4791234567", "+4791234567"),
    "full-width digits": (
        "\uff0b\uff14\uff17\u3000\uff19\uff11\uff12\uff13\uff14\uff15\uff16\uff17",
        "+4791234567",
    ),
    "a national number names no country": ("079 123 45 67", ""),
    "nor does one without a zero": ("912 34 567", ""),
    "no country begins with a zero": ("+0791234567", ""),
    "an extension is no phone number": ("+1 650 555 1212 ext 5", ""),
    "too short": ("+47 12", ""),
    "too long": ("+47 1234 5678 9012 345", ""),
    "digits of another script": ("+٤٧٩١٢٣٤٥٦٧", ""),
    "a link to an extension": ("tel:+4791234567;ext=5", ""),
    "nothing": ("", ""),
}

NAMES = {
    "capitals": ("Mary", "mary"),
    "diacritics stay": ("Valéry", "valéry"),
    "composed first": ("Vale\u0301ry", "valéry"),
    "another script": ("정", "정"),
    "vowel signs are part of a name": ("देवी", "देवी"),
    "apostrophe and hyphen": ("O'Brien-Smith", "obriensmith"),
    "the apostrophe of a telephone": ("D\u2019Arcy", "darcy"),
    "spaces": ("  von der Leyen ", "vonderleyen"),
    "only punctuation": ("--", ""),
}

POSTAL_CODES = {
    "ZIP+4": ("94035-1234", "us", "94035"),
    "ZIP+4 of an unknown country": ("94035-1234", "", "94035"),
    "nine digits in the US": ("940351234", "us", "94035"),
    "nine digits anywhere else": ("940351234", "", "940351234"),
    "Norwegian": ("0150", "no", "0150"),
    "Polish": ("00-950", "pl", "00950"),
    "Portuguese": ("1000-205", "pt", "1000205"),
    "Canadian": ("K1A 0B1", "ca", "k1a0b1"),
    "British, up to the sector": ("SW1A 1AA", "gb", "sw1a1"),
    "British, a short one": ("M1 1AE", "gb", "m11"),
    "British outward code alone": ("SW1A", "gb", "sw1a"),
}


def titled(table: Mapping[str, tuple[str, ...]]) -> pytest.MarkDecorator:
    """Run a test once for each row of a table, under the row's title."""
    width = len(next(iter(table.values())))
    names = {2: "written, normal", 3: "written, country, normal"}[width]
    return pytest.mark.parametrize(names, list(table.values()), ids=list(table))


@titled(EMAILS)
def test_an_email_address(written: str, normal: str) -> None:
    """Only outer spaces and capitals go; what is no address gives nothing."""
    assert _contact.email(written) == normal


@titled(PHONES)
def test_a_phone_number(written: str, normal: str) -> None:
    """Only numbers that name their country; none is guessed."""
    assert _contact.e164(written) == normal


@titled(NAMES)
def test_a_name(written: str, normal: str) -> None:
    """Lower case, without spaces and punctuation."""
    assert _contact.letters_and_digits(written) == normal


def test_a_city_has_no_digits() -> None:
    """A postal district beside the city would make it another city."""
    assert _contact.letters("St. Gallen 9") == "stgallen"


@titled(POSTAL_CODES)
def test_a_postal_code(written: str, country: str, normal: str) -> None:
    """Each country's own cut, where the country is known."""
    assert _contact.postal_code(written, country) == normal


@pytest.mark.parametrize(
    ("written", "normal"), [("US", "us"), (" no ", "no"), ("NOR", ""), ("Norge", ""), ("", "")]
)
def test_a_country(written: str, normal: str) -> None:
    """Two letters or nothing: names and three-letter codes are not guessed at."""
    assert _contact.alpha2(written) == normal


def test_a_hash_is_recognised_in_either_case() -> None:
    """Sites may hash before they send."""
    assert _contact.prehashed(" " + "AB" * 32) == "ab" * 32
    assert _contact.prehashed("ab" * 31) == ""
    assert _contact.prehashed("xy" * 32) == ""


def test_the_hash_is_of_the_utf8_bytes() -> None:
    """Meta's documented vector for a name with a diacritic."""
    assert _contact.sha256_hex("valéry") == "08e1996b5dd49e62a4b4c010d44e4345592a863bb9f8e3976219bac29417149c"


@settings(max_examples=200, deadline=None)
@given(st.one_of(st.text(max_size=40), st.from_regex(r"(\+|00)[0-9 ()./-]{0,20}", fullmatch=True)))
def test_a_phone_number_is_e164_or_nothing(written: str) -> None:
    """No odd input gives half a number."""
    assert re.fullmatch(r"(\+[1-9][0-9]{6,14})?", _contact.e164(written))


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=40))
def test_normalising_twice_changes_nothing(written: str) -> None:
    """A site that normalises before it sends gets the same hash as one that does not."""
    for normalise in (_contact.email, _contact.e164, _contact.alpha2):
        once = normalise(written)
        assert normalise(once) == once
