"""Requests of a backend to the Measurement Protocol's routes."""

from collections.abc import Mapping
from typing import Any

from tests.support.rig import ORIGIN, Answer, Rig

KEY = "an-ingest-key-of-the-shop"
STREAM, SECOND = "G-XXXXXXX", "G-YYYYYYY"
CLIENT, SESSION = "957607842.1772467665", "1795341000"
EMAIL_HASH = "223ebda6f6889b1494551ba902d9d381daf2f642bae055888e96343d53e9f9c4"
PHONE_HASH = "fb4f73a6ec5fdb7077d564cdd22c3554b43ce49168550c3b12c547b78c517b30"
VENDORS = ("google_analytics", "google_ads", "meta", "microsoft")
PURCHASE: Mapping[str, Any] = {
    "name": "purchase",
    "params": {
        "session_id": SESSION,
        "engagement_time_msec": 100,
        "transaction_id": "T-1",
        "value": 499.0,
        "currency": "NOK",
        "items": [{"item_id": "SKU1", "price": 249.5, "quantity": 2}],
        "page_location": f"{ORIGIN}/thanks?utm_source=news",
    },
}
PERSON: Mapping[str, Any] = {
    "user_id": "user-canary-7f3a",
    "ids": {"gclid": "gclid-canary-91c2", "fbp": "fb.1.1795169000000.1254136630"},
    "user_data": {
        "email": "canary@example.no",
        "sha256_email_address": [EMAIL_HASH],
        "sha256_phone_number": [PHONE_HASH],
    },
    "user_properties": {"member": {"value": "property-canary-33"}},
    "ip_override": "81.2.69.142",
    "user_agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36",
}


def body(*events: Mapping[str, Any], **keys: object) -> dict[str, object]:
    """Return a request of one client."""
    return {"client_id": CLIENT, "events": list(events or [PURCHASE]), **keys}


async def send(
    rig: Rig,
    sent: object,
    *,
    query: str | None = None,
    path: str = "/mp/collect",
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """Send as a backend does."""
    query = f"measurement_id={STREAM}&api_secret={KEY}" if query is None else query
    return await rig.request(
        "POST", f"{path}?{query}", sent, {"User-Agent": "shop-backend/1.0", **(headers or {})}
    )


async def debug(rig: Rig, sent: object, **more: Any) -> list[dict[str, str]]:
    """Have a request looked at; return what is said of it."""
    answer = await send(rig, sent, path="/debug/mp/collect", **more)
    assert answer.status == 200, answer.body
    assert list(answer.json) == ["validationMessages"]
    found: list[dict[str, str]] = answer.json["validationMessages"]
    return found
