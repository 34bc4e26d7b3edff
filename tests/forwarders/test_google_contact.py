"""Contact data as Google hashes it, against the vectors of Google's own helper library."""

from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forwarders._google_contact import google_contact, normal_email
from proxy.event import UserData

VECTORS = [
    (
        "Cloudy.SanFrancisco+shopping@Gmail.com",
        "cloudysanfrancisco@gmail.com",
        "223ebda6f6889b1494551ba902d9d381daf2f642bae055888e96343d53e9f9c4",
    ),
    (
        "User.Name+NYC@Example.com",
        "user.name+nyc@example.com",
        "f109a2a632fbcea5fc82049f50beed3d8621bf9034399f437fb622222acccdac",
    ),
]
PHONE_HASH = "fb4f73a6ec5fdb7077d564cdd22c3554b43ce49168550c3b12c547b78c517b30"


@pytest.mark.parametrize(("written", "normal", "digest"), VECTORS)
def test_googles_own_email_vectors(written: str, normal: str, digest: str) -> None:
    """Dots and plus go only at Gmail."""
    assert normal_email(written) == normal
    assert google_contact(UserData(email=written)) == {"email": digest}


@pytest.mark.parametrize("written", ["+18005550100", "001 800 555 0100", " +1 (800) 555-0100 "])
def test_googles_own_phone_vector_however_it_is_written(written: str) -> None:
    """E.164 is what is hashed."""
    assert google_contact(UserData(phone=written)) == {"phone": PHONE_HASH}


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("  Kari.Nordmann@Shop.Example\t", "kari.nordmann@shop.example"),
        ("Kari Nordmann@shop.example", "karinordmann@shop.example"),
        ("k.a.r.i@googlemail.com", "kari@googlemail.com"),
        ("k.a.r.i+x@gmail.example", "k.a.r.i+x@gmail.example"),
        ("Åse@blåbær.example", "åse@blåbær.example"),
        ("", ""),
        ("kari", ""),
        ("kari@", ""),
        ("@shop.example", ""),
        ("kari@localhost", ""),
        ("kari@shop.", ""),
        ("a@b@shop.example", ""),
        ("+tag@gmail.com", ""),
        ("...@gmail.com", ""),
    ],
)
def test_an_address_is_normalised_or_dropped(written: str, normal: str) -> None:
    """What is not an address is not hashed: its hash would match nobody, and still be personal."""
    assert normal_email(written) == normal


@pytest.mark.parametrize(
    "written", ["912 34 567", "0791234567", "+0 12345678", "+47", "+47 22 33 44 55 ext 1", "++47", "-"]
)
def test_a_number_without_a_country_is_not_sent(written: str) -> None:
    """No country is guessed."""
    assert google_contact(UserData(phone=written)) == {}


def test_nothing_of_a_postal_address_is_kept() -> None:
    """Google would need the postal code in plain text."""
    person = UserData(first_name="Kari", last_name="Nordmann", city="Oslo", postal_code="0150", country="NO")
    assert google_contact(person) == {}


@settings(max_examples=200, deadline=None)
@given(st.builds(UserData, *[st.text(st.characters(codec="utf-8"), max_size=30)] * 7))
def test_whatever_is_written_only_hashes_come_out(person: UserData) -> None:
    """Each value is 64 hexadecimal digits, and not the hash of nothing."""
    for digest in google_contact(person).values():
        assert len(digest) == 64
        assert set(digest) <= set("0123456789abcdef")
        assert digest != sha256(b"").hexdigest()
