"""Logging: JSON lines off a terminal, readable ones on it, to stderr. Nothing personal is ever handed to it."""

import json
import logging
import sys
import time
from collections.abc import Mapping, MutableMapping
from typing import Any, Final, Literal

FIELDS: Final = ("site", "forwarder", "event", "outcome", "reason", "state", "status", "count")
"""What a line may say of its subject besides its message. ``event`` is the event's ref, by which ``explain`` finds it."""


class About(logging.LoggerAdapter[logging.Logger]):
    """Writes lines about one thing: ``fields`` go with each, and a call's own ``extra`` besides."""

    def __init__(self, logger: logging.Logger, **fields: str) -> None:
        super().__init__(logger, fields)

    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:
        """Add the fields to a line's own."""
        own: Mapping[str, object] = kwargs.get("extra") or {}
        return msg, {**kwargs, "extra": {**(self.extra or {}), **own}}


def _fields_of(record: logging.LogRecord) -> dict[str, object]:
    return {name: record.__dict__[name] for name in FIELDS if name in record.__dict__}


class JsonFormatter(logging.Formatter):
    """One JSON object per line: time (UTC), level, logger, message, and which of ``FIELDS`` there are."""

    def format(self, record: logging.LogRecord) -> str:
        """Write a record. Exceptions are named by type and place; their text may quote what a stranger sent."""
        line: dict[str, object] = {
            "ts": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
            + f".{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_fields_of(record),
        }
        if record.exc_info and record.exc_info[0] is not None:
            line["error"] = record.exc_info[0].__name__
        return json.dumps(line, ensure_ascii=False)


class TextFormatter(logging.Formatter):
    """One readable line."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(message)s", "%H:%M:%S")

    def format(self, record: logging.LogRecord) -> str:
        """Write a record: its fields stand behind the message."""
        line = super().format(record)
        fields = _fields_of(record)
        return " ".join([line, *(f"{name}={value}" for name, value in fields.items())]) if fields else line

    def formatException(self, ei: object) -> str:  # noqa: N802  # logging's own name
        """Name an exception by its type alone."""
        kind = ei[0] if isinstance(ei, tuple) else None
        return f"({kind.__name__})" if isinstance(kind, type) else ""


def set_up(level: str, form: Literal["auto", "json", "text"]) -> None:
    """Log to stderr. Libraries are heard from warnings up."""
    handler = logging.StreamHandler(sys.stderr)
    text = form == "text" or (form == "auto" and sys.stderr.isatty())
    handler.setFormatter(TextFormatter() if text else JsonFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("sayso").setLevel(level.upper())
    # aiohttp's loggers print peers' addresses and bytes of requests; ours say the same without.
    for name in ("aiohttp.server", "aiohttp.access", "aiohttp.web", "aiohttp.client", "asyncio"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
