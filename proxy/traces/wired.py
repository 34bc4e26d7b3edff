"""Traces as gateway and delivery take them: nothing where they are off."""

from collections.abc import Callable
from typing import Protocol

from proxy.gateway.counted import Count, Handler
from proxy.pipeline import Told
from proxy.settings_traces import TracesSettings
from proxy.traces.attempts import Attempts
from proxy.traces.ids import Sample
from proxy.traces.requests import Requests, both
from proxy.traces.spans import Span


class Exporter(Protocol):
    """What takes spans; ``proxy.traces.export.Exporting``, without importing it."""

    def put(self, span: Span) -> None:
        """Have a span sent, some time."""

    async def close(self, within_s: float) -> None:
        """Send what waits, and end."""


class Traces:
    """The traces of one process that has one half of Sayso, or of one test.

    Args:
        settings: the table ``[traces]``.
    """

    def __init__(self, settings: TracesSettings) -> None:
        self._exporter: Exporter | None = None
        self._requests: Requests | None = None
        self.attempts: Attempts | None = None
        """Delivery's listener, if traces are on."""
        if settings.endpoint and settings.sample > 0:
            from proxy.traces.export import Exporting  # noqa: PLC0415  # an extra, and slow to import

            self._exporter = Exporting(settings.endpoint)
            sample = Sample(settings.sample)
            self._requests = Requests(self._exporter.put, sample)
            self.attempts = Attempts(self._exporter.put, sample)

    def telling(self, tell: Callable[[Told], None] | None) -> Callable[[Told], None] | None:
        """Return the pipeline's listener: ``tell``, ours, both or none."""
        return tell if self._requests is None else both(tell, self._requests.tell)

    def handling(self, made: Callable[[Count], Handler], count: Count) -> Handler:
        """Return the handler that ``made`` makes for a counter of answers; traced, if traces are on."""
        if self._requests is None:
            return made(count)
        return self._requests.around(made(self._requests.counting(count)))

    async def close(self, within_s: float) -> None:
        """Send what waits, and end; at once where traces are off."""
        if self._exporter is not None:
            await self._exporter.close(within_s)
