"""A receiver of traces on loopback: OTLP over HTTP as a collector takes it, every byte kept."""

from types import TracebackType
from typing import Self

from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span


class Receiver:
    """``async with Receiver() as receiver``; ``receiver.url`` is its address without a path."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.heads: list[dict[str, str]] = []
        self.paths: list[str] = []
        self.url = ""
        self._runner: web.ServerRunner

    async def __aenter__(self) -> Self:
        self._runner = web.ServerRunner(web.Server(self._take), shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._runner.cleanup()

    async def _take(self, request: web.BaseRequest) -> web.Response:
        self.bodies.append(await request.read())
        self.heads.append({name.lower(): value for name, value in request.headers.items()})
        self.paths.append(request.path_qs)
        return web.Response(content_type="application/x-protobuf")

    def batches(self) -> list[ExportTraceServiceRequest]:
        """Return what came, parsed."""
        return [ExportTraceServiceRequest.FromString(body) for body in self.bodies]

    def spans(self, name: str = "") -> list[Span]:
        """Return all spans, or those of a name, oldest first."""
        found = [
            span
            for batch in self.batches()
            for resource in batch.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]
        return [span for span in found if not name or span.name == name]

    def everything(self) -> bytes:
        """Return every byte of every request but those that HTTP needs."""
        heads = [f"{name}: {value}" for head in self.heads for name, value in head.items()]
        return b"\n".join([*self.bodies, *(one.encode() for one in [*self.paths, *heads])])


def attributes(of: Span | Span.Event) -> dict[str, str | int]:
    """Return attributes by name."""
    return {one.key: _value(one) for one in of.attributes}


def _value(one: KeyValue) -> str | int:
    kind = one.value.WhichOneof("value")
    assert kind in {"string_value", "int_value"}, kind
    return one.value.string_value if kind == "string_value" else one.value.int_value
