"""The arithmetic of personal numbers."""

import pytest

from proxy import checkdigits


@pytest.mark.parametrize(
    ("digits", "right"),
    [
        ("01010750160", True),
        ("41010750153", False),
        ("17054026641", True),
        ("57054026600", False),
        ("01010750161", False),
        ("01010750260", False),
        ("32010750160", False),
        ("01130750160", False),
        ("00000000000", False),
    ],
)
def test_fodselsnummer(digits: str, *, right: bool) -> None:
    """Both check digits and the date have to be right."""
    assert checkdigits.fodselsnummer(digits) is right


def made(prefix: str) -> str | None:
    """Return the number with these nine first digits, worked out by trying every ending; None if there is none."""
    weights = ((3, 7, 6, 1, 8, 9, 4, 5, 2), (5, 4, 3, 2, 7, 6, 5, 4, 3, 2))
    first = -sum(int(digit) * weight for digit, weight in zip(prefix, weights[0], strict=True)) % 11
    second = (
        -sum(int(digit) * weight for digit, weight in zip(f"{prefix}{first}"[:10], weights[1], strict=True))
        % 11
    )
    return None if first == 10 or second == 10 else f"{prefix}{first}{second}"


@pytest.mark.parametrize("date", ["010190", "410190", "014190", "016690", "018190", "290200", "311299"])
def test_every_series_of_norwegian_numbers(date: str) -> None:
    """Ordinary, D-, H- and synthetic numbers all count, and no neighbour of a right number does."""
    numbers = [number for tail in range(100, 130) if (number := made(f"{date}{tail}")) is not None]
    assert len(numbers) > 15
    for number in numbers:
        assert checkdigits.fodselsnummer(number)
        assert not checkdigits.fodselsnummer(number[:-1] + str((int(number[-1]) + 1) % 10))


@pytest.mark.parametrize(
    ("digits", "right"),
    [
        ("0101901234", True),
        ("3112991234", True),
        ("6101901234", True),
        ("3202901234", False),
        ("0113901234", False),
    ],
)
def test_cpr(digits: str, *, right: bool) -> None:
    """A plausible date is all that newer numbers promise."""
    assert checkdigits.cpr(digits) is right


@pytest.mark.parametrize(
    ("digits", "right"),
    [
        ("8112189876", True),
        ("8112189875", False),
        ("6408233234", True),
        ("7010632391", True),
        ("8113189876", False),
    ],
)
def test_personnummer(digits: str, *, right: bool) -> None:
    """Date, or date with 60 added to the day, and Luhn."""
    assert checkdigits.personnummer(digits) is right


@pytest.mark.parametrize(
    ("digits", "mark", "right"),
    [
        ("131052308", "T", True),
        ("131052308", "t", True),
        ("131052308", "U", False),
        ("321052308", "T", False),
    ],
)
def test_hetu(digits: str, mark: str, *, right: bool) -> None:
    """The character is the number modulo 31."""
    assert checkdigits.hetu(digits, mark) is right


@pytest.mark.parametrize(
    ("digits", "right"),
    [
        ("4111111111111111", True),
        ("4111111111111112", False),
        ("5555555555554444", True),
        ("2223003122003222", True),
        ("378282246310005", True),
        ("30569309025904", True),
        ("36227206271667", True),
        ("3530111333300000", True),
        ("6011111111111117", True),
        ("5019717010103742", True),
        ("6304000000000000000", True),
        ("6304000000000000001", False),
        ("4006381333931", False),  # an EAN
        ("1234567890123452", False),  # Luhn is right, no such issuer
        ("1795341600000000", False),  # a time in microseconds
    ],
)
def test_payment_card(digits: str, *, right: bool) -> None:
    """Issuer, length and Luhn."""
    assert checkdigits.payment_card(digits) is right


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("NO9386011117947", True),
        ("no9386011117947", True),
        ("NO9386011117948", False),
        ("DK5000400440116243", True),
        ("GB29NWBK60161331926819", True),
        ("SE4550000000058398257466", True),
        ("FI2112345600000785", True),
    ],
)
def test_iban(text: str, *, right: bool) -> None:
    """Mod 97 and the length of the country."""
    assert checkdigits.iban(text) is right
    assert checkdigits.iban_length(text[:2]) == len(text)


def test_no_country_no_iban() -> None:
    """Letters that are no country have no length."""
    assert checkdigits.iban_length("XX") == 0
