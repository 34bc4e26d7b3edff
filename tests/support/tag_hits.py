"""Hits as Google's own tag sends them to a gateway, and what became of them."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from proxy.event import FullEvent
from proxy.metrics import EVENTS_INVALID
from proxy.reasons import Invalid
from tests.support.events import STANZAS
from tests.support.rig import ORIGIN, Answer, Browser, Rig

GRANTED = {"gcs": "G111", "gcd": "13r3r3r2r5l1", "npa": "0", "dma": "1", "dma_cps": "syphamo"}
DENIED = {"gcs": "G100", "gcd": "13q3q3q2q5l1", "npa": "1", "dma": "1", "dma_cps": "-"}
SILENT: Mapping[str, str] = {}
SECOND = {**STANZAS["google_analytics"], "measurement_id": "G-SECOND1", "type": "google_analytics"}
CID, SID = "957607842.1772467665", "1795340000"


def query(consent: Mapping[str, str] = GRANTED, **changes: object) -> str:
    """Return a page view as the tag writes it."""
    pairs: dict[str, object] = {
        "v": 2,
        "tid": "G-XXXXXXX",
        "_p": 1795341599377,
        **consent,
        "cid": CID,
        "ul": "nb-no",
        "sr": "1920x1080",
        "_s": 1,
        "sid": SID,
        "sct": 1,
        "seg": 0,
        "dl": f"{ORIGIN}/thanks?gclid=Cj0Ktest",
        "dt": "Takk",
        "en": "page_view",
        **changes,
    }
    return urlencode({key: value for key, value in pairs.items() if value is not None})


async def send(browser: Browser, consent: Mapping[str, str] = GRANTED, /, **changes: Any) -> Answer:
    """Send one hit as the tag does: all in the query of a POST."""
    return await browser.post(f"/g/collect?{query(consent, **changes)}")


async def fulls(rig: Rig, forwarder: str = "google_analytics") -> list[FullEvent]:
    """Return what waits in full."""
    return [one.event for one in await rig.entries("shop", forwarder) if isinstance(one.event, FullEvent)]


def invalid(reason: Invalid) -> float:
    """Return how many were counted as invalid for that reason."""
    return float(EVENTS_INVALID.labels("shop", reason.value)._value.get())
