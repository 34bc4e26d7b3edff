"""A purchase that Google's own tag reported, as it waits for Google Analytics."""

from dataclasses import replace

from forwarders.google_analytics import GoogleAnalytics
from proxy.event import FullEvent
from tests.support.events import STANZAS, full_event

GA = GoogleAnalytics.build(STANZAS["google_analytics"])
BY_PROTOCOL = GoogleAnalytics.build({**STANZAS["google_analytics"], "relay": "measurement_protocol"})
IN_THE_EU = GoogleAnalytics.build({**STANZAS["google_analytics"], "region": "region1"})
MINUTE_MS = 60_000
HASHED = f"tv.1~em.{'A' * 43}"
HIT = {
    "v": "2",
    "gtm": "45je5b90v9123",
    "_p": "1795341599377",
    "_s": "2",
    "sct": "3",
    "seg": "1",
    "_ss": "1",
    "frm": "0",
    "uaa": "x86",
    "uap": "Windows",
    "uapv": "15.0.0",
    "_c": "1",
    "_et": "1234",
    "auid": "1122334455.1795000001",
    "_gaz": "1",
    "_gsid": "abcDEF123",
    "em": HASHED,
    "ec_mode": "a",
    "ecid": "123456789",
    "_ecid": "987654321",
}
ON_ADS = {"auid", "_gaz", "_gsid", "em", "ec_mode", "ecid", "_ecid"}
IDS = {"client_id": "957607842.1772467665", "session_id": "1795340000"}


def hit_event(**changes: object) -> FullEvent:
    """Return a purchase that Google's tag reported, as reduction leaves it for Google Analytics."""
    event = full_event(
        url="https://shop.example/thanks?utm_source=news&gclid=Cj0Kabc",
        ids=dict(IDS),
        hit=dict(HIT),
        address="203.0.113.0",
        user_id="u-1",
        user_properties={"tier": "gold", "visits": 7},
        params={"coupon": "VÅR", "tax": 99.9, "gift": True, "engagement_time_msec": 1234},
        items=[
            {"item_id": "SKU1", "item_name": "Genser ~ rød", "price": 249.5, "colour": "red", "new": True}
        ],
    )
    return replace(event, **changes)  # type: ignore[arg-type]  # by field name
