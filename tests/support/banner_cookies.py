"""Samples of banner cookies, and what must come of them."""

from dataclasses import dataclass

import pytest

from proxy.sources.cmp import Reading, read_cookies
from proxy.sources.cmp._family import Names
from proxy.sources.said import GARBLED

NOW_MS = 1_795_392_000_000
"""2026-11-23, midnight UTC."""

UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Sample:
    """Cookies as a browser sent them, and the four signals that they come to (``g``, ``d``, ``u``, in our order)."""

    title: str
    cookies: tuple[tuple[str, str], ...]
    expected: str
    decided_at: int | None = None
    proof: str | None = None
    tc_string: str | None = None
    ac_string: str | None = None


def table(*samples: Sample) -> pytest.MarkDecorator:
    """Return the decorator that runs a test once for every sample."""
    return pytest.mark.parametrize("sample", samples, ids=[sample.title for sample in samples])


def outcome(reading: Reading) -> str:
    """Return the four signals as letters, or ``UNREADABLE``."""
    return reading.said.signals.code() if reading.said.readable else UNREADABLE


def check(family: str, sample: Sample, names: Names | None = None) -> None:
    """Read a sample as a site with this platform would, and hold the result against what is expected."""
    reading = read_cookies(family, sample.cookies, NOW_MS, names=names)
    assert outcome(reading) == sample.expected
    if sample.expected == UNREADABLE:
        assert reading.said is GARBLED
        assert (reading.proof, reading.tc_string, reading.ac_string) == (None, None, None)
        return
    assert reading.said.decided_at == sample.decided_at
    assert reading.proof == sample.proof
    assert reading.tc_string == sample.tc_string
    assert reading.ac_string == sample.ac_string
    for _, value in sample.cookies:
        assert len(value) < 12 or value not in repr(reading)
