"""Messages of Google's Measurement Protocol as backends send them, and what is read of them."""

from typing import Any

from proxy.event import Event
from proxy.measurement import Finding, Message, read_message
from proxy.signals import Value

Json = Any  # any JSON value
NOW = 1_795_341_600_000
STREAM = "G-SHOP0001"
CLIENT = "957607842.1772467665"
EMAIL_HASH = "223ebda6f6889b1494551ba902d9d381daf2f642bae055888e96343d53e9f9c4"
PHONE_HASH = "fb4f73a6ec5fdb7077d564cdd22c3554b43ce49168550c3b12c547b78c517b30"
EMPTY_HASH = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
GRANTED, DENIED, UNKNOWN = Value.GRANTED, Value.DENIED, Value.UNKNOWN
ITEMS = [{"item_id": "SKU1", "item_name": "Genser", "price": 249.5, "quantity": 2}]
PURCHASE: dict[str, Json] = {
    "name": "purchase",
    "params": {"transaction_id": "T-1", "value": 499.0, "currency": "NOK", "items": ITEMS},
}


def read(body: Json, measurement_id: str | None = STREAM, streams: tuple[str, ...] = (STREAM,)) -> Message:
    """Read a request at a fixed time."""
    return read_message(
        body, measurement_id=measurement_id, streams=streams, now_ms=NOW, mint_id=lambda: "minted-id"
    )


def body(*events: Json, **keys: Json) -> dict[str, Json]:
    """Return a request of one client."""
    return {"client_id": CLIENT, "events": list(events or [PURCHASE]), **keys}


def one(**keys: Json) -> Event:
    """Read a request of one purchase with these keys, which must be good."""
    message = read(body(**keys))
    assert not message.refused, message.refused
    assert not message.invalid, message.invalid
    (event,) = message.events
    return event


def with_params(**params: Json) -> Message:
    """Read a request of one event with these parameters."""
    return read(body({"name": "sign_up", "params": params}))


def refused(message: Message) -> Finding:
    """Return why a whole request is refused."""
    assert message.refused is not None
    assert message.events == []
    return message.refused


def remarks(message: Message) -> list[str]:
    """Return the details of what is wrong and costs nothing."""
    assert message.refused is None
    assert message.invalid == []
    return [finding.detail for finding in message.findings.found]
