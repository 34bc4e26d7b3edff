"""How Google's tags write things into a query: numbers, items, screens. Shared by the cookieless pings. Pure."""

import re
from collections.abc import Sequence
from itertools import accumulate
from urllib.parse import quote

from proxy.event import Item

# Codes of the item fields in ``pr1`` ... ``pr200``, as the tag of Google Analytics writes them.
_ITEM_CODES = {
    "item_id": "id",
    "item_name": "nm",
    "item_brand": "br",
    "item_category": "ca",
    "item_category2": "c2",
    "item_category3": "c3",
    "item_category4": "c4",
    "item_category5": "c5",
    "item_variant": "va",
    "price": "pr",
    "quantity": "qt",
    "coupon": "cp",
    "discount": "ds",
    "affiliation": "af",
    "item_list_id": "li",
    "item_list_name": "ln",
    "index": "lp",
    "location_id": "lo",
    "promotion_id": "pi",
    "promotion_name": "pn",
    "creative_name": "cn",
    "creative_slot": "cs",
}
ITEM_NAMES = {code: name for name, code in _ITEM_CODES.items()}
"""The item fields by their codes."""
# By which free parameters of an item are numbered: ``k0<name>~v0<value>``; Google takes 27 of them.
_NUMBERS = "0123456789abcdefghijklmnopq"
# What ``&pr200=`` takes in a query.
_PAIR = 7
_SCREEN = re.compile(r"([0-9]{2,5})x([0-9]{2,5})")


def number_text(value: float) -> str:
    """Write a number as a browser would: no ``.0`` on whole ones."""
    return str(int(value)) if type(value) is float and value.is_integer() else str(value)


def random_parts(random_id: str) -> tuple[str, str]:
    """Return the two integers of a cookieless event's random id."""
    first, _, second = random_id.partition(".")
    return first, second


def screen_parts(screen: str | None) -> tuple[str, str] | None:
    """Return width and height of a screen bucket in pixels, or None where there is none."""
    match = _SCREEN.fullmatch(screen) if screen else None
    return (match[1], match[2]) if match else None


def _item_text(item: Item, max_text: int, extras: bool) -> str:
    fields = []
    numbers = iter(_NUMBERS if extras else "")
    for name, value in item.items():
        text = value[:max_text].replace("~", "~~") if isinstance(value, str) else _scalar_text(value)
        code = _ITEM_CODES.get(name)
        if code is not None:
            fields.append(code + text)
        elif (number := next(numbers, None)) is not None:
            fields.append(f"k{number}{name}~v{number}{text}")
    return "~".join(fields)


def _scalar_text(value: float) -> str:
    return str(value).lower() if isinstance(value, bool) else number_text(value)


def item_pairs(
    items: Sequence[Item], *, max_text: int, room: int, extras: bool = False
) -> list[tuple[str, str]]:
    """Return items as ``pr1`` ... with named fields; ``extras``: with their free parameters too.

    Args:
        items: items of an event.
        max_text: the longest text of a field, in characters.
        room: how many characters they may take in the encoded query; a URL that is too long loses the whole event,
            while its value and currency are right without the last items too.
        extras: whether fields that are not Google's own go along, as numbered pairs.
    """
    texts = [text for item in items if (text := _item_text(item, max_text, extras))]
    # A character takes at most 12 in percent-encoding; only a cart that might be too large is measured.
    if 12 * sum(map(len, texts)) + _PAIR * len(texts) > room:
        sizes = accumulate(len(quote(text)) + _PAIR for text in texts)
        texts = [text for text, size in zip(texts, sizes, strict=True) if size <= room]
    return [(f"pr{number}", text) for number, text in enumerate(texts, 1)]
