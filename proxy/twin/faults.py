"""Faults: how a vendor is made to misbehave, and which requests that hits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

EVERYONE = "all"
"""In place of a vendor word: the fault hits whoever has none of its own."""


class InvalidFaultError(ValueError):
    """A fault that makes no sense; the text says why."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One way of misbehaving. Conditions choose the requests, the rest says what happens to them.

    ``status`` (of 400 and more), ``reset`` and ``hang`` mean that the vendor did *not* take the events; ``delay_ms``,
    ``truncate`` and ``malformed`` that it did and only the answer is late or damaged.

    Attributes:
        status: HTTP status to answer, 100-599, with the vendor's own error body unless ``body`` is given.
        body: JSON to answer instead.
        headers: Further headers of the answer.
        retry_after: Value of ``Retry-After``, seconds.
        delay_ms: Wait before answering, milliseconds.
        truncate: Declare a longer body than is sent, then close.
        malformed: Answer 200 with JSON that breaks off.
        hang: Never answer.
        reset: Abort the connection.
        count: How many requests it hits; None = until cleared.
        every: Hit each nth request that matches.
        match: Hit only requests whose body contains this text.
    """

    status: int | None = None
    body: Any = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    retry_after: int | None = None
    delay_ms: int = 0
    truncate: bool = False
    malformed: bool = False
    hang: bool = False
    reset: bool = False
    count: int | None = None
    every: int = 1
    match: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        """Check ranges.

        Raises:
            InvalidFaultError: A number is out of range.
        """
        if self.status is not None and not 100 <= self.status <= 599:
            raise InvalidFaultError("status: 100 to 599")
        for name in ("delay_ms", "retry_after", "count"):
            value = getattr(self, name)
            if value is not None and value < 0:
                raise InvalidFaultError(f"{name}: 0 or more")
        if self.every < 1:
            raise InvalidFaultError("every: 1 or more")

    @property
    def refuses(self) -> bool:
        """Whether the vendor does not take the events."""
        return self.hang or self.reset or (self.status is not None and self.status >= 400)

    @property
    def word(self) -> str:
        """What it does, in a word or two, for the record."""
        named = [name for name in ("hang", "reset", "truncate", "malformed") if getattr(self, name)]
        if self.status is not None:
            named.append(f"status {self.status}")
        if self.delay_ms:
            named.append(f"delay {self.delay_ms} ms")
        return ", ".join(named) or "none"


_TYPES: dict[str, type | tuple[type, ...]] = {
    "status": int,
    "headers": dict,
    "retry_after": int,
    "delay_ms": int,
    "truncate": bool,
    "malformed": bool,
    "hang": bool,
    "reset": bool,
    "count": int,
    "every": int,
    "match": str,
}


def parse_fault(data: Any) -> Fault:
    """Make a fault of JSON.

    Raises:
        InvalidFaultError: Not an object, an unknown key, or a value of the wrong type or range.
    """
    if not isinstance(data, dict):
        raise InvalidFaultError("a fault is an object")
    known = {item.name for item in fields(Fault)}
    given = {}
    for key, value in data.items():
        if key not in known:
            raise InvalidFaultError(f"unknown key; known are {', '.join(sorted(known))}")
        if value is None:
            continue
        wanted = _TYPES.get(key)
        if wanted is not None and (
            not isinstance(value, wanted) or (wanted is int and isinstance(value, bool))
        ):
            raise InvalidFaultError(f"{key}: wrong type")
        given[key] = value
    return Fault(**given)


@dataclass(slots=True)
class _Armed:
    """A fault and how often it matched and hit."""

    fault: Fault
    seen: int = 0
    hits: int = 0

    def strikes(self, body: bytes) -> bool:
        fault = self.fault
        if fault.count is not None and self.hits >= fault.count:
            return False
        if fault.match and fault.match.encode() not in body:
            return False
        self.seen += 1
        if self.seen % fault.every:
            return False
        self.hits += 1
        return True


class FaultBoard:
    """The faults in force, by vendor word."""

    def __init__(self) -> None:
        self._armed: dict[str, list[_Armed]] = {}

    def set(self, vendor: str, *faults: Fault) -> None:
        """Replace a vendor's faults; of several the first that strikes is taken."""
        self._armed[vendor] = [_Armed(fault) for fault in faults]

    def clear(self, vendor: str | None = None) -> None:
        """Lifts a vendor's faults, or all."""
        if vendor is None:
            self._armed.clear()
        else:
            self._armed.pop(vendor, None)

    def pick(self, vendor: str, body: bytes) -> Fault | None:
        """Return the fault that hits this request, if any, and count it."""
        if not self._armed:
            return None
        armed: Sequence[_Armed] = self._armed.get(vendor, self._armed.get(EVERYONE, []))
        return next((item.fault for item in armed if item.strikes(body)), None)

    def view(self) -> dict[str, list[dict[str, Any]]]:
        """All faults with their number of hits, for the control API."""
        return {
            vendor: [
                {item.name: getattr(one.fault, item.name) for item in fields(Fault)} | {"hits": one.hits}
                for one in armed
            ]
            for vendor, armed in self._armed.items()
        }
