"""Arithmetic that tells a personal number from any other digits. Pure; every function takes digits already isolated.

Sources: Skatteetaten (fødselsnummer, D-number, synthetic numbers), CPR-kontoret, Skatteverket, DVV (HETU),
ISO/IEC 7812 (payment cards), ISO 13616 (IBAN).
"""

from operator import mul
from typing import Final

_DAYS: Final = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_FNR_1: Final = (3, 7, 6, 1, 8, 9, 4, 5, 2, 1)
_FNR_2: Final = (5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1)
_HETU_MARKS: Final = "0123456789ABCDEFHJKLMNPRSTUVWXY"

# Country to length of its IBAN, from the ISO 13616 registry.
_IBAN_LENGTHS: Final = {
    country: length
    for length, countries in {
        15: "NO",
        16: "BE BI",
        18: "DK FI FO GL NL SD FK",
        19: "MK SI",
        20: "AT BA EE KZ LT LU XK MN",
        21: "CH HR LI LV",
        22: "BG BH CR DE GB GE IE ME RS VA",
        23: "AE IL IQ TL OM SO",
        24: "AD CZ ES MD PK RO SA SE SK TN VG LY ST",
        25: "PT SV",
        26: "IS TR",
        27: "FR GR IT MC MR SM DJ",
        28: "AL AZ BY CY DO GT HU LB PL NI HN",
        29: "BR EG PS QA UA",
        30: "JO KW MU YE",
        31: "MT SC",
        32: "LC",
        33: "RU",
    }.items()
    for country in countries.split()
}


def date_plausible(day: int, month: int) -> bool:
    """Tell whether a day and a month can go together, in any year."""
    return 1 <= month <= 12 and 1 <= day <= _DAYS[month - 1]


def luhn(digits: str) -> bool:
    """Check the Luhn digit at the end."""
    total = 0
    for index, digit in enumerate(reversed(digits)):
        value = int(digit)
        if index % 2:
            value = value * 2 - 9 if value > 4 else value * 2
        total += value
    return total % 10 == 0


def fodselsnummer(digits: str) -> bool:
    """Check 11 digits as a Norwegian fødselsnummer or D-number: date and both mod-11 digits.

    Day + 40 is a D-number; month + 40, + 65 or + 80 a synthetic or auxiliary number.
    """
    day, month = int(digits[:2]), int(digits[2:4])
    for shift in (80, 65, 40):
        if month > shift:
            month -= shift
            break
    if not date_plausible(day - 40 if day > 40 else day, month):
        return False
    numbers = [int(digit) for digit in digits]
    return not (sum(map(mul, _FNR_1, numbers)) % 11 or sum(map(mul, _FNR_2, numbers)) % 11)


def cpr(digits: str) -> bool:
    """Check 10 digits as a Danish CPR number: the date only, because numbers since 2007 need not pass mod 11.

    Day + 60 is a replacement number.
    """
    day, month = int(digits[:2]), int(digits[2:4])
    return date_plausible(day - 60 if day > 60 else day, month)


def personnummer(digits: str) -> bool:
    """Check 10 digits, YYMMDDNNNN, as a Swedish personnummer (day + 60: samordningsnummer): date and Luhn."""
    month, day = int(digits[2:4]), int(digits[4:6])
    return date_plausible(day - 60 if day > 60 else day, month) and luhn(digits)


def hetu(digits: str, mark: str) -> bool:
    """Check 9 digits, DDMMYYNNN, and the final character as a Finnish henkilötunnus."""
    return date_plausible(int(digits[:2]), int(digits[2:4])) and _HETU_MARKS[int(digits) % 31] == mark.upper()


def payment_card(digits: str) -> bool:
    """Check digits as a payment card number: issuer prefix, length and Luhn.

    13 digits never count: nearly all such numbers in a shop are EAN codes.
    """
    two, four = int(digits[:2]), int(digits[:4])
    match len(digits):
        case 14:
            issued = two in {36, 38} or 3000 <= four <= 3059
        case 15:
            issued = two in {34, 37}
        case 16:
            issued = two // 10 in {4, 6} or 50 <= two <= 58 or 2221 <= four <= 2720 or 3528 <= four <= 3589
        case 18 | 19:
            issued = two // 10 in {4, 6} or two in {50, 56, 57, 58}
        case _:
            issued = False
    return issued and luhn(digits)


def iban_length(country: str) -> int:
    """Return how long that country's IBANs are, 0 if it has none."""
    return _IBAN_LENGTHS.get(country.upper(), 0)


def iban(text: str) -> bool:
    """Check letters and digits without blanks as an IBAN by mod 97. The length is ``iban_length``'s business."""
    return int("".join(str(int(char, 36)) for char in text[4:] + text[:4])) % 97 == 1
