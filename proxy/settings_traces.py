"""The table ``[traces]``: where spans go, and of how many events."""

from importlib.metadata import PackageNotFoundError, version
from typing import Annotated, Final

from pydantic import AfterValidator, Field

from proxy.settings_net import DEFAULT_PORTS, is_loopback, port_of, split_url
from proxy.settings_problems import wrong
from proxy.settings_values import Table

_PARTS: Final = ("opentelemetry-sdk", "opentelemetry-exporter-otlp-proto-http")
"""The packages that the extra brings. To look for them imports nothing."""
_PATH: Final = "/v1/traces"


def read_traces_endpoint(written: str) -> str:
    """Read where spans are sent; empty: nowhere. Without a path it is OTLP's own."""
    if written == "":
        return written
    parts = split_url(written)
    if (
        parts is None
        or parts.scheme not in DEFAULT_PORTS
        or not parts.hostname
        or "@" in parts.netloc
        or "?" in written
        or "#" in written
        or port_of(parts) == 0
    ):
        raise wrong(
            "not the URL of a receiver",
            'https://HOST[:PORT][/PATH], without login and query, such as "http://127.0.0.1:4318"; "" for none',
        )
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise wrong("http to another machine", "https, or http on loopback, where a collector may run")
    if not _installed():
        raise wrong(
            "the extra for traces is not installed", 'pip install "sayso[traces]", or "" for no traces'
        )
    return f"{parts.scheme}://{parts.netloc.lower()}{parts.path if parts.path.strip('/') else _PATH}"


def _installed() -> bool:
    try:
        return all(version(name) for name in _PARTS)
    except PackageNotFoundError:
        return False


class TracesSettings(Table):
    """``[traces]``: spans for a tracing backend, by OTLP over HTTP. They name nobody."""

    endpoint: Annotated[str, AfterValidator(read_traces_endpoint)] = ""
    """The receiver's URL: https, or http on loopback; without a path: ``/v1/traces``. Empty: no traces."""
    sample: float = Field(default=0.01, ge=0, le=1, allow_inf_nan=False)
    """Of which share of the events spans are sent, 0 to 1."""
