"""What spans may say, which trace is whose, and what of ``[traces]`` is taken."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import proxy.settings_traces
from proxy.identity import ref_of
from proxy.settings import ConfigError, Settings, read_settings
from proxy.traces.ids import Sample, root_of, trace_id_of
from proxy.traces.spans import Attribute, UndeclaredError, told
from tests.support.processes import ROOT

REFS = st.binary(min_size=12, max_size=12).map(bytes.hex)


def read(**traces: object) -> Settings:
    """Read a configuration with such a table."""
    data: dict[str, Any] = {"sites": {"shop": {}}, "traces": traces}
    return read_settings(data, file="sayso.toml", folder=Path.cwd())


class TestTraceIds:
    """An event's ref names its trace."""

    @given(REFS)
    def test_a_trace_begins_with_the_ref(self, ref: str) -> None:
        """So that who has one finds the other: logs and ``explain`` show the ref."""
        trace_id = f"{trace_id_of(ref):032x}"
        assert trace_id.startswith(ref)
        assert trace_id_of(ref) == trace_id_of(ref)
        assert 0 < root_of(trace_id_of(ref)) < 1 << 64

    @given(st.text(max_size=40))
    def test_any_ref_has_a_trace(self, ref: str) -> None:
        """An entry of another make may be in the store; it must not stop its outbox."""
        assert 0 < trace_id_of(ref) < 1 << 128

    def test_two_processes_agree(self) -> None:
        """Nothing of the process goes into it."""
        ref = ref_of(bytes(32), "shop", "e1")
        script = f"from proxy.traces.ids import trace_id_of, root_of; t = trace_id_of({ref!r}); print(t, root_of(t))"
        done = subprocess.run(  # noqa: S603  # our own words
            [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
        )
        assert done.stdout.split() == [str(trace_id_of(ref)), str(root_of(trace_id_of(ref)))]


class TestSampling:
    """Decided by the trace alone."""

    @given(REFS)
    def test_none_and_all(self, ref: str) -> None:
        """The ends of the range are exact."""
        assert not Sample(0.0)(trace_id_of(ref))
        assert Sample(1.0)(trace_id_of(ref))

    @given(REFS, st.floats(0, 1), st.floats(0, 1))
    def test_a_larger_share_holds_the_smaller(self, ref: str, one: float, other: float) -> None:
        """Processes with different shares, as during a reload, still agree where they can."""
        less, more = sorted((one, other))
        assert not Sample(less)(trace_id_of(ref)) or Sample(more)(trace_id_of(ref))

    def test_a_share_is_about_that_share(self) -> None:
        """Of four thousand events, a quarter."""
        sample = Sample(0.25)
        hits = sum(sample(trace_id_of(ref_of(bytes(32), "shop", str(n)))) for n in range(4000))
        assert 850 < hits < 1150


class TestTheClosedList:
    """Attributes and their values."""

    @pytest.mark.parametrize("key", ["url.full", "client.address", "sayso.site", "user_agent.original"])
    def test_an_undeclared_attribute_fails(self, key: str) -> None:
        """Plain text is no declaration, not even of a name that is on the list."""
        with pytest.raises(UndeclaredError) as caught:
            told({key: "shop"})  # type: ignore[dict-item]  # the point
        assert key not in str(caught.value)

    @given(st.sampled_from(Attribute), st.text() | st.integers())
    def test_no_other_value_passes(self, key: Attribute, value: str | int) -> None:
        """Words of closed sets, names as the configuration takes them, small numbers."""
        (found,) = told({key: value}).values()
        assert isinstance(found, int) or re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", found)

    @pytest.mark.parametrize(
        "value", ["https://shop.example/?gclid=x", "kari@example.com", "2001:db8::7", "a b", ""]
    )
    @pytest.mark.parametrize("key", Attribute)
    def test_what_names_somebody_does_not_pass(self, key: Attribute, value: str) -> None:
        """Whichever attribute it comes under."""
        assert told({key: value}) in ({key.value: "other"}, {key.value: 0})


class TestSettings:
    """The table ``[traces]``."""

    def test_off_by_default(self) -> None:
        """Nothing is sent unless asked for."""
        assert read().traces.endpoint == ""

    @pytest.mark.parametrize(
        ("written", "taken"),
        [
            ("http://127.0.0.1:4318", "http://127.0.0.1:4318/v1/traces"),
            ("http://[::1]:4318/", "http://[::1]:4318/v1/traces"),
            ("http://localhost:4318/otlp/v1/traces", "http://localhost:4318/otlp/v1/traces"),
            ("https://Traces.example", "https://traces.example/v1/traces"),
        ],
    )
    def test_what_is_taken(self, written: str, taken: str) -> None:
        """Without a path it is OTLP's own."""
        assert read(endpoint=written).traces.endpoint == taken

    @pytest.mark.parametrize(
        "written",
        [
            "http://traces.example:4318",
            "http://10.0.0.7:4318",
            "https://user:word@traces.example",
            "https://traces.example/?key=1",
            "https://traces.example/#a",
            "grpc://127.0.0.1:4317",
            "127.0.0.1:4318",
            "https://",
        ],
    )
    def test_what_is_refused(self, written: str) -> None:
        """Plain text to another machine, and what could hold a secret."""
        with pytest.raises(ConfigError, match=r"traces\.endpoint"):
            read(endpoint=written)

    @pytest.mark.parametrize("share", [-0.1, 1.1, float("nan"), "all"])
    def test_no_other_share(self, share: object) -> None:
        """0 to 1."""
        with pytest.raises(ConfigError, match=r"traces\.sample"):
            read(sample=share)

    def test_without_the_extra_it_says_how_to_get_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """In one line, and only where traces are asked for."""
        monkeypatch.setattr(proxy.settings_traces, "_PARTS", ("opentelemetry-is-not-here",))
        with pytest.raises(ConfigError) as caught:
            read(endpoint="http://127.0.0.1:4318")
        (line,) = str(caught.value).splitlines()
        assert 'pip install "sayso[traces]"' in line
        assert read().traces.endpoint == ""


@pytest.mark.parametrize("installed", [True, False])
def test_off_imports_nothing_of_it(installed: bool) -> None:
    """Neither with the modules that serve, nor when their parts are made; and they serve without the extra.

    Where it is installed, redis-py imports OpenTelemetry's part for metrics by itself, and leaves it unused.
    """
    script = f"""
import sys
if not {installed}:
    sys.modules["opentelemetry"] = None
import proxy.serve, proxy.worker, proxy.assemble
from proxy.settings_traces import TracesSettings
from proxy.traces.wired import Traces
traces = Traces(TracesSettings())
assert traces.attempts is None and traces.telling(None) is None
names = ("opentelemetry.exporter", "opentelemetry.proto", "opentelemetry.sdk.trace", "requests", "google.protobuf")
print([name for name in sys.modules if name.startswith(names)])
"""
    done = subprocess.run(  # noqa: S603  # our own words
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
