"""What is said of our clock is never more than what others' clocks prove, and they prove what is beyond the network."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.clocks import Reading, VendorClocks

NOW_MS = 1_795_341_600_000
SPANS_MS = st.integers(0, 20_000)


@settings(max_examples=200, deadline=None)
@given(ahead_ms=st.integers(-(10**9), 10**9), there_ms=SPANS_MS, back_ms=SPANS_MS, rounded=st.booleans())
def test_what_is_sure_is_true_and_no_more_than_the_way_there_and_back_is_given_away(
    ahead_ms: int, there_ms: int, back_ms: int, *, rounded: bool
) -> None:
    """Whatever the request took, on whichever of its two ways, and whether the answer tells milliseconds or seconds."""
    resolution_ms = 1000 if rounded else 1
    theirs_ms = (NOW_MS + there_ms) // resolution_ms * resolution_ms
    asked_ms = NOW_MS + ahead_ms
    sure_ms = Reading.of(asked_ms, asked_ms + there_ms + back_ms, theirs_ms, resolution_ms).sure_s * 1000
    assert abs(sure_ms) <= abs(ahead_ms) + 1
    assert sure_ms * ahead_ms >= 0
    assert abs(ahead_ms) - abs(sure_ms) <= there_ms + back_ms + resolution_ms + 1


@pytest.mark.parametrize(
    ("said", "ahead_s"),
    [
        ({}, None),
        ({"meta": (4.0, 5.0)}, 4.0),
        ({"meta": (-5.0, -4.0)}, -4.0),
        ({"meta": (-0.5, 0.5)}, 0.0),
        # One vendor's clock is wrong, and the others agree with ours.
        ({"meta": (3600.0, 3601.0), "microsoft": (-0.2, 0.9)}, 0.0),
        ({"meta": (3600.0, 3601.0), "microsoft": (-9.0, -8.0)}, 0.0),
        # All say so: ours is wrong, by the least of it.
        ({"meta": (90.0, 91.0), "microsoft": (60.0, 62.0)}, 60.0),
        ({"meta": (-90.0, -89.0), "microsoft": (-60.0, -58.0)}, -58.0),
    ],
)
def test_vendors_are_believed_where_they_agree(
    said: dict[str, tuple[float, float]], ahead_s: float | None
) -> None:
    """A vendor's own clock may be wrong, and is no reason to wake anybody."""
    clocks = VendorClocks()
    for name, (least_s, most_s) in said.items():
        clocks.note(name, Reading(least_s, most_s), 1.0)
    assert clocks.ahead_s(2.0) == ahead_s


def test_readings_of_one_vendor_narrow_each_other_until_a_clock_is_set() -> None:
    """A slow answer says little; after it a quick one says more, and a slow one takes nothing back."""
    clocks = VendorClocks()
    told: list[float | None] = []
    for least_s, most_s in ((-3.0, 9.0), (4.0, 6.0), (-3.0, 9.0), (-0.5, 0.5), (-3.0, 9.0)):
        clocks.note("meta", Reading(least_s, most_s), 1.0)
        told.append(clocks.ahead_s(1.0))
    assert told == [0.0, 4.0, 4.0, 0.0, 0.0]


def test_what_was_said_long_ago_is_forgotten() -> None:
    """A night without traffic: nobody knows."""
    clocks = VendorClocks()
    clocks.note("meta", Reading(50.0, 51.0), 0.0)
    assert clocks.ahead_s(600.0) == 50.0
    assert clocks.ahead_s(1000.0) is None
    clocks.note("meta", Reading(0.0, 1.0), 1000.0)
    assert clocks.ahead_s(1001.0) == 0.0
