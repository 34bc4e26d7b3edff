"""Spans leave by OpenTelemetry's batch processor and its OTLP exporter over HTTP. Imported only where traces are on.

``ReadableSpan`` is filled directly: no tracer, no sampler and no resource detector has a say, so nothing of the process or
its environment joins what is told.
"""

import asyncio
import logging
import time
from collections.abc import Sequence
from threading import Thread
from typing import Final

import requests
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, TraceFlags

from proxy import __version__
from proxy.traces.spans import DECISION_EVENT, Name, Span, told

log = logging.getLogger("sayso.traces")

_QUEUE: Final = 2048
_BATCH: Final = 256
_EVERY_MS: Final = 1000
_TIMEOUT_S: Final = 3.0
"""For one batch, its repetitions included."""
_WARN_S: Final = 600.0
_LOOK_S: Final = 0.01
_ABORT_S: Final = 0.3
_KINDS: Final = {
    Name.COLLECT: SpanKind.SERVER,
    Name.DECIDE: SpanKind.INTERNAL,
    Name.DELIVER: SpanKind.CLIENT,
}
_SAMPLED: Final = TraceFlags(TraceFlags.SAMPLED)


class _Quiet(SpanExporter):
    """Exports, and says in one line when that does not work; the libraries' own lines are switched off."""

    def __init__(self, inner: OTLPSpanExporter) -> None:
        self._inner = inner
        self._warned_at = float("-inf")
        self.failing = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send spans; runs in the processor's thread."""
        result = self._inner.export(spans)
        failed = result is not SpanExportResult.SUCCESS
        if failed and not self.failing and time.monotonic() - self._warned_at >= _WARN_S:
            self._warned_at = time.monotonic()
            log.warning("the receiver of traces.endpoint does not take spans; they are dropped until it does")
        elif self.failing and not failed:
            log.info("the receiver of traces.endpoint takes spans again")
        self.failing = failed
        return result

    def shutdown(self) -> None:
        """End a repetition that waits."""
        self._inner.shutdown()  # type: ignore[no-untyped-call]  # the exporter's own omission


class Exporting:
    """Sends spans from a thread of its own. ``put`` never waits: of more than 2048 spans that wait, the oldest go.

    Args:
        endpoint: the receiver's URL, as ``read_traces_endpoint`` returns it.
    """

    def __init__(self, endpoint: str) -> None:
        # Their lines may quote the receiver's answer, and come once per batch.
        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL + 1)
        session = requests.Session()
        session.trust_env = False  # no proxy and no .netrc of the environment's
        self._exporter = _Quiet(
            OTLPSpanExporter(
                endpoint,
                timeout=_TIMEOUT_S,
                compression=Compression.NoCompression,
                session=session,
                meter_provider=NoOpMeterProvider(),
            )
        )
        self._processor = BatchSpanProcessor(
            self._exporter,
            max_queue_size=_QUEUE,
            schedule_delay_millis=_EVERY_MS,
            max_export_batch_size=_BATCH,
            export_timeout_millis=_TIMEOUT_S * 1000,
            meter_provider=NoOpMeterProvider(),
        )
        self._resource = Resource({"service.name": "sayso", "service.version": __version__})
        self._scope = InstrumentationScope("sayso", __version__)

    def put(self, span: Span) -> None:
        """Have a span sent, some time.

        Raises:
            UndeclaredError: it tells something that is not on the list.
        """
        self._processor.on_end(
            ReadableSpan(
                span.name.value,
                context=SpanContext(span.trace_id, span.span_id, is_remote=False, trace_flags=_SAMPLED),
                parent=SpanContext(span.trace_id, span.parent_id, is_remote=True, trace_flags=_SAMPLED)
                if span.parent_id
                else None,
                resource=self._resource,
                attributes=told(span.attributes),
                events=[Event(DECISION_EVENT, told(one), span.end_ns) for one in span.moments],
                kind=_KINDS[span.name],
                start_time=span.start_ns,
                end_time=span.end_ns,
                instrumentation_scope=self._scope,
            )
        )

    async def close(self, within_s: float) -> None:
        """Send what waits, and end. What the receiver has not taken within that time is dropped."""
        # The processor's own end may take 30 s, and asyncio waits for threads of its own: this one it may leave behind.
        ending = Thread(target=self._processor.shutdown, name="sayso-traces-end", daemon=True)
        ending.start()
        await _ended(ending, _ABORT_S if self._exporter.failing else within_s)
        if ending.is_alive():
            self._exporter.shutdown()
            await _ended(ending, _ABORT_S)


async def _ended(thread: Thread, within_s: float) -> None:
    deadline = time.monotonic() + within_s
    while thread.is_alive() and time.monotonic() < deadline:  # noqa: ASYNC110  # a thread sets no event of a loop's
        await asyncio.sleep(_LOOK_S)
