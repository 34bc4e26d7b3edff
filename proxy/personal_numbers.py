"""Finds phone numbers, national ids, payment cards and IBANs among the digits of a text. Pure.

Ordinary numbers must survive: dates, prices, sizes, article and order numbers. So a number is redacted only if its
arithmetic or its grouping says what it is, or if a word or a plus sign before it does.

Two strengths: in *text* a plausible number is enough; as an *identifier* (an order number, an article number) only what
can hardly be anything else counts, because a redacted order number would be the same for every order.
"""

import re
from itertools import pairwise
from typing import Final

from proxy import checkdigits

# What people write between the digits of one number: at most two of these.
_SEPARATOR: Final = r"[ \u00a0\u2009\u202f.\-\u2010-\u2013/()]"
_BLANKS: Final = frozenset(" \u00a0\u2009\u202f")

_CLUSTER = re.compile(rf"[0-9](?:{_SEPARATOR}{{0,2}}[0-9]){{7,}}")
# By far the most frequent run of eight digits.
_DATE = re.compile(
    r"(?:19|20)[0-9]{2}([-./])[01][0-9]\1[0-3][0-9]|[0-3][0-9]([-./])[01][0-9]\2(?:19|20)[0-9]{2}"
)
_GROUP = re.compile(r"[0-9]+")
_IBAN_START = re.compile(r"[A-Za-z]{2}[0-9]{2}")
_HETU = re.compile(r"(?<![0-9])([0-9]{6})[-+A-FU-Ya-fu-y]([0-9]{3})([0-9A-Ya-y])(?![0-9A-Za-z])")
_PHONE_WORD = re.compile(
    r"(?:^|[^a-z])(?:tlf|tel|fax|mob|sms|cell|phone|whatsapp|ring|call|telephone|tele[fp]h?on[a-z]*|telefon[a-z]*"
    r"|mobil[a-z]*|puhelin)[^0-9a-z]{0,6}(?:(?:nr|no|nummer|number)[^0-9a-z]{0,4})?$",
    re.IGNORECASE,
)
# Numbers that are a phone's although nothing but their country code says so.
_KNOWN_CODE = re.compile(
    r"4[57][2-9][0-9]{7}|46[1-9][0-9]{7,8}|358[1-9][0-9]{6,9}|354[4-8][0-9]{6}|44[1-9][0-9]{9}|49[1-9][0-9]{8,10}"
    r"|(?:3[0-4]|4[018]|39)[1-9][0-9]{8}|43[1-9][0-9]{8,10}|353[1-9][0-9]{8}|37[0-2][0-9]{7,8}|1[2-9][0-9]{9}"
)
_BARE_MOBILE = re.compile(r"47[49][0-9]{7}")

# No personal number is written in more groups, and no run of groups is tried further.
_MAX_GROUPS = 6
# Longer runs of digits mean nothing to a vendor, and could be sent to keep us busy.
_MAX_CLUSTER = 160


def redact_numbers(text: str, mark: str, *, certain: bool = False) -> str:
    """Replace the personal numbers in a text.

    Args:
        text: any text.
        mark: what stands in their place; holds no digits.
        certain: treat the text as an identifier, see the module's description.
    """
    text = _redact_ibans(text, mark)
    text = _HETU.sub(
        lambda found: mark if checkdigits.hetu(found[1] + found[2], found[3]) else found[0], text
    )
    return _CLUSTER.sub(lambda cluster: _redact_cluster(cluster, mark, certain), text)


def _redact_ibans(text: str, mark: str) -> str:
    pieces: list[str] = []
    done = position = 0
    while (start := _IBAN_START.search(text, position)) is not None:
        end = _iban_end(text, start.start())
        if end:
            pieces += (text[done : start.start()], mark)
            done = position = end
        else:
            position = start.start() + 1
    return "".join((*pieces, text[done:])) if pieces else text


def _iban_end(text: str, start: int) -> int:
    """Return where the IBAN that starts here ends, 0 if there is none."""
    length = checkdigits.iban_length(text[start : start + 2])
    if not length:
        return 0
    marks: list[str] = []
    position = start
    while len(marks) < length and position < len(text):
        char = text[position]
        if char.isascii() and char.isalnum():
            marks.append(char)
        elif char not in _BLANKS and char not in "-.":
            return 0
        position += 1
    follows = text[position : position + 1]
    if len(marks) < length or (follows.isascii() and follows.isalnum()):
        return 0
    return position if checkdigits.iban("".join(marks)) else 0


def _redact_cluster(cluster: re.Match[str], mark: str, certain: bool) -> str:
    """Redact within one maximal run of digits and separators."""
    if _DATE.fullmatch(cluster[0]):
        return cluster[0]
    if len(cluster[0]) > _MAX_CLUSTER:
        return mark
    text, base = cluster.string, cluster.start()
    groups = [found.span() for found in _GROUP.finditer(text, base, cluster.end())]
    pieces: list[str] = []
    done, index = base, 0
    while index < len(groups):
        end = _phone(text, groups, index, base, certain) or _number(text, groups, index, certain)
        if end:
            pieces += (text[done : groups[index][0]], mark)
            done, index = groups[end - 1][1], end
        else:
            index += 1
    return "".join((*pieces, text[done : cluster.end()])) if pieces else cluster[0]


def _number(text: str, groups: list[tuple[int, int]], index: int, certain: bool) -> int:
    """Return the group after the national id or card that starts at this group, 0 if none does."""
    digits, ends = "", []
    for start, end in groups[index : index + _MAX_GROUPS]:
        if len(digits) + end - start > 19:
            break
        digits += text[start:end]
        ends.append(len(digits))
    for count in range(len(ends), 0, -1):
        length = ends[count - 1]
        if length < 10:
            break
        if _is_number(digits[:length], ends[0], count, certain):
            return index + count
    return 0


def _is_number(digits: str, first: int, count: int, certain: bool) -> bool:
    """Judge digits by their arithmetic; ``first`` is the length of the first of ``count`` groups."""
    length = len(digits)
    if length == 11:
        return checkdigits.fodselsnummer(digits)
    if length in {10, 12}:
        # One unbroken number, or the date apart from the rest as people write it; so are orders numbered, though.
        if certain or not (count == 1 or (count == 2 and first == length - 4)):
            return False
        if length == 12:
            return digits[:2] in {"18", "19", "20"} and checkdigits.personnummer(digits[2:])
        return checkdigits.cpr(digits) or checkdigits.personnummer(digits)
    return checkdigits.payment_card(digits)


def _phone(text: str, groups: list[tuple[int, int]], index: int, base: int, certain: bool) -> int:
    """Return the group after the phone number that starts at this group, 0 if none does."""
    start = groups[index][0]
    if _after_plus(text, groups, index):
        return _span(groups, index)
    if certain:
        return 0
    if start == base and _PHONE_WORD.search(text[max(0, start - 24) : start]):
        return _span(groups, index)
    before = text[start - 1 : start]
    return 0 if before.isalnum() or before in {"-", "_", "."} else _free_phone(text, groups, index)


def _free_phone(text: str, groups: list[tuple[int, int]], index: int) -> int:
    """Recognise a number that stands alone, not as the tail of a code, by its prefix or its grouping."""
    if text.startswith("00", groups[index][0]):
        return _span(groups, index, least=10) if _after_zeros(text, groups, index) else 0
    if _BARE_MOBILE.fullmatch(text, *groups[index]):
        return index + 1
    return _grouped(text, groups, index)


def _after_plus(text: str, groups: list[tuple[int, int]], index: int) -> bool:
    """Tell whether a plus sign makes this group the start of an international number."""
    start = groups[index][0]
    sign = start - 1 if text[start - 1 : start] in {"+", "\uff0b"} else start - 2
    if sign < 0 or text[sign] not in {"+", "\uff0b"} or (sign == start - 2 and text[start - 1] != " "):
        return False
    if sign == 0 or not text[sign - 1].isalnum():
        return True
    # "lego+10294123" in a query is a space; "x+4791234567" is too likely a number to let it pass.
    return _KNOWN_CODE.match(_digits(text, groups, index)) is not None


def _after_zeros(text: str, groups: list[tuple[int, int]], index: int) -> bool:
    """Tell whether 00 is a dialling prefix here and not the padding of an article number."""
    digits = _digits(text, groups, index)
    if groups[index][1] - groups[index][0] <= 5:  # 00 47 ..., 0047 ...: grouped as numbers are dialled
        return digits[2:3] not in {"", "0"}
    return _KNOWN_CODE.match(digits, 2) is not None


def _digits(text: str, groups: list[tuple[int, int]], index: int) -> str:
    return "".join(text[start:end] for start, end in groups[index : index + _MAX_GROUPS])


def _span(groups: list[tuple[int, int]], index: int, least: int = 7) -> int:
    """Return the group after as many as a phone number (E.164: 15 digits and 00) can have, 0 if too few."""
    total, end = 0, index
    while end < len(groups) and total + groups[end][1] - groups[end][0] <= 17:
        total += groups[end][1] - groups[end][0]
        end += 1
    return end if total >= least else 0


def _grouped(text: str, groups: list[tuple[int, int]], index: int) -> int:
    """Recognise a national number by how its digits are grouped."""
    pairs = _pairs(text, groups, index)
    if pairs:
        return pairs
    lengths = [end - start for start, end in groups[index : index + _MAX_GROUPS]]
    head = text[groups[index][0]]
    if lengths[:3] == [3, 2, 3] and "2" <= head <= "9" and _blank_between(text, groups, index, 3):
        return index + 3  # Norwegian mobile, 412 34 567
    if lengths[:3] == [3, 3, 4] and "2" <= head <= "9":
        return index + 3  # North American, (212) 555-1234
    if head == "0" and 2 <= lengths[0] <= 5 and lengths[:2] != [2, 2]:  # two pairs begin a date, 01.12.2026
        total = 0
        for count, length in enumerate(lengths, 1):
            total += length
            if total > 11:
                break
            ended = count == len(lengths) or total + lengths[count] > 11
            if count > 1 and total >= 8 and ended:
                return index + count  # national with trunk zero, 070-123 45 67
    return 0


def _pairs(text: str, groups: list[tuple[int, int]], index: int) -> int:
    """Recognise four and more pairs of digits, 41 23 45 67, that are not a row of sizes, 38 39 40 41."""
    end = index
    while end < len(groups) and groups[end][1] - groups[end][0] == 2:
        if end > index and not _blank_between(text, groups, end - 1, 2):
            break
        end += 1
    if end - index < 4:
        return 0
    values = [int(text[start:stop]) for start, stop in groups[index:end]]
    steps = [right - left for left, right in pairwise(values)]
    return 0 if all(0 < step <= 10 for step in steps) and len({*steps}) <= 2 else end


def _blank_between(text: str, groups: list[tuple[int, int]], index: int, count: int) -> bool:
    """Tell whether the gaps within ``count`` groups are single blanks."""
    return all(
        right - left == 1 and text[left] in _BLANKS
        for (_, left), (right, _) in pairwise(groups[index : index + count])
    )
