"""Fields of an event that several vendors want alike, read with the tolerance that shops need. Pure."""

import math
import re
from collections.abc import Sequence
from typing import NamedTuple

from proxy.event import Item, Scalar

_MOST = 1_000_000_000
_WEB_URL = re.compile(r"https?://[^\s/?#\\]+\S*\Z", re.IGNORECASE)


class Article(NamedTuple):
    """One of an event's items: what it is, what one of it costs, how many there are."""

    id: str
    name: str
    price: float | None
    quantity: int | None


def web_url(text: str | None) -> str | None:
    """Return an absolute http(s) URL as it is, or None for anything that a vendor would refuse as one."""
    return text if text is not None and _WEB_URL.match(text) else None


def number(value: Scalar | None) -> float | None:
    """Return a finite number, also where a shop wrote it as text; None for anything else."""
    kind = type(value)
    if kind is int:
        return value  # type: ignore[return-value]  # said by kind
    if kind is float or kind is str:
        try:
            read = float(value)  # type: ignore[arg-type]  # said by kind
        except ValueError:
            return None
        return read if math.isfinite(read) else None
    return None


def articles(items: Sequence[Item]) -> list[Article]:
    """Return the items that have an id; without one no vendor can tell what an item is."""
    found = []
    for item in items:
        item_id = item.get("item_id")
        if item_id is None or item_id == "":
            continue
        quantity = number(item.get("quantity"))
        found.append(
            Article(
                str(item_id),
                str(item.get("item_name", "")),
                number(item.get("price")),
                int(quantity) if quantity is not None and 1 <= quantity <= _MOST else None,
            )
        )
    return found
