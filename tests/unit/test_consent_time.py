"""The time by which consent runs out never goes back, and is never behind the time of day."""

import logging

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.consent_time import ConsentTime

DAY_MS = 86_400_000
START_MS = 1_795_341_600_000

# Per step: seconds that go by, and by how much the clock is put forward or back in them (ms).
STEPS = st.lists(st.tuples(st.floats(0, 90_000), st.integers(-400 * DAY_MS, 400 * DAY_MS)), max_size=30)


@settings(max_examples=200, deadline=None)
@given(steps=STEPS)
def test_it_goes_at_least_as_fast_as_time_and_never_back(steps: list[tuple[float, int]]) -> None:
    """Whatever is done to the clock: between two looks at least as much has gone by as really has."""
    time = ConsentTime()
    run_s, put_ms = 5000.0, 0
    before = time.of(START_MS, run_s)
    for seconds, put in steps:
        run_s += seconds
        put_ms += put
        now_ms = START_MS + int((run_s - 5000.0) * 1000) + put_ms
        found = time.of(now_ms, run_s)
        assert found >= now_ms
        assert found - before >= int(seconds * 1000) - 2
        before = found


def test_without_steps_it_is_the_time_of_day() -> None:
    """A clock that is only slow or fast by a little changes nothing worth mentioning."""
    time = ConsentTime()
    for second in range(1000):
        drift_ms = second // 100
        assert (
            0
            <= time.of(START_MS + second * 1000 - drift_ms, second) - (START_MS + second * 1000 - drift_ms)
            < 20
        )


def test_the_operator_is_told_once_per_step(caplog: pytest.LogCaptureFixture) -> None:
    """A clock that was put back makes consent run out earlier until a restart: that must not stay unseen."""
    time = ConsentTime()
    with caplog.at_level(logging.WARNING, "sayso"):
        time.of(START_MS, 1.0)
        for second in range(100):
            time.of(START_MS + second * 1000 - 3_600_000, 1.0 + second)
        assert [record.getMessage() for record in caplog.records] == [
            "the clock was put back by 3600 s: until a restart, consent is taken to be that much older"
        ]
        time.of(START_MS - 3 * DAY_MS, 200.0)
        assert len(caplog.records) == 2
