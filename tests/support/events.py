"""Events, traces and config stanzas that tests begin with: true to life, and wholly made up.

Every factory takes changes by field name, so that a test states only what it is about.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import cache

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from forwarders.base import Forwarder, Trace
from proxy.event import CookielessEvent, FullEvent, UserData
from proxy.signals import ALL_DENIED, ALL_GRANTED

NOW_MS = 1_795_341_600_000
USER_AGENT = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"

# What a browser sends of each vendor's own cookies and click ids, in the vendor's own form.
COOKIES: Mapping[str, str] = {
    "_ga": "GA1.2.1254136630.1795000000",
    "_ga_XXXXXXX": "GS2.1.s1795340000$o3$g1$t1795341500$j60$l0$h0",
    "_gcl_au": "1.1.1122334455.1795000001",
    "_gcl_aw": "GCL.1795000002.gclidFROMcookie-1",
    "_gcl_dc": "GCL.1795000003.dclidFROMcookie-1",
    "_gcl_gb": "GCL.1795000004.wbraidFROMcookie-1",
    "_fbp": "fb.1.1795169000000.1254136630",
    "_fbc": "fb.1.1795169000001.fbclidFROMcookie-1",
    "_uetvid": "0123456789abcdef0123456789abcdef",
    "_uetmsclkid": "_uetfedcba9876543210fedcba9876543210",
    "li_fat_id": "30ea0e3b-2c9c-4a2d-8c8b-0c0c0c0c0c0c",
}
CLICK_IDS: Mapping[str, str] = {
    "gclid": "gclidFROMurl-1",
    "gbraid": "gbraidFROMurl-1",
    "wbraid": "wbraidFROMurl-1",
    "dclid": "dclidFROMurl-1",
    "fbclid": "fbclidFROMurl-1",
    "msclkid": "aaaabbbbccccddddeeeeffff00001111",
    "li_fat_id": "40ea0e3b-2c9c-4a2d-8c8b-0c0c0c0c0c0c",
}

SHOPPER = UserData(
    email="Kari.Nordmann+news@Example.NO",
    phone="+47 912 34 567",
    first_name="Kari",
    last_name="Nordmann",
    city="Oslo",
    postal_code="0150",
    country="NO",
)


@cache
def service_account_json() -> str:
    """Return a service-account key as Google issues it; its RSA key is made once per process and opens nothing."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return json.dumps(
        {
            "type": "service_account",
            "project_id": "shop-ads",
            "private_key_id": "0123456789abcdef0123456789abcdef01234567",
            "private_key": pem.decode(),
            "client_email": "sayso@shop-ads.iam.gserviceaccount.com",
            "client_id": "100000000000000000001",
            "auth_uri": "https://accounts.google.com/o/oauth2/auth",
            "token_uri": "https://oauth2.googleapis.com/token",
            "universe_domain": "googleapis.com",
        }
    )


# The least that each forwarder needs, by the name of its module.
STANZAS: dict[str, dict[str, object]] = {
    "google_analytics": {"measurement_id": "G-XXXXXXX", "api_secret": "secret-of-google-analytics"},
    "google_ads": {
        "customer_id": "1234567890",
        "credentials": service_account_json(),
        "conversion_id": "AW-123456789",
        "conversions": {"purchase": {"action_id": "987654321", "label": "AbC-D_efG-h12"}},
    },
    "meta": {"dataset_id": "1234567890", "access_token": "secret-of-meta"},
    "microsoft": {"tag_id": "97000001", "api_token": "secret-of-microsoft"},
    "linkedin": {
        "access_token": "secret-of-linkedin",
        "version": "202608",
        "conversions": {"purchase": {"conversion_id": "104012"}},
    },
    "campaign_manager": {
        "credentials": service_account_json(),
        "floodlight_configuration_id": "1234567",
        "conversions": {"purchase": {"activity_id": "7654321"}},
    },
    "sharpspring": {"account_id": "2_ABCDEF0123456789", "secret_key": "secret-of-sharpspring"},
}


def full_event(**changes: object) -> FullEvent:
    """Return a consented purchase from a browser, as reduction leaves it, with nothing of any one vendor in it."""
    event = FullEvent(
        event_id="018f6a2e-7c1d-7000-8000-000000000001",
        name="purchase",
        time_ms=NOW_MS,
        url="https://shop.example/thanks?utm_source=news",
        referrer="https://shop.example/cart",
        title="Thanks",
        params={},
        items=[{"item_id": "SKU1", "item_name": "Genser", "price": 249.5, "quantity": 2}],
        value=499.0,
        currency="NOK",
        transaction_id="T-1",
        user_agent=USER_AGENT,
        language="nb-NO",
        screen="1920x1080",
        address=None,
        country="NO",
        region=None,
        ids={},
        contact={},
        user_id=None,
        user_properties={},
        signals=ALL_GRANTED,
        explicit=True,
    )
    return replace(event, **changes)  # type: ignore[arg-type]  # by field name; dataclasses checks the names


def cookieless_event(**changes: object) -> CookielessEvent:
    """Return a purchase that names no person, as reduction leaves it, under the widest policy."""
    event = CookielessEvent(
        name="purchase",
        url="https://shop.example/thanks?utm_source=news",
        referrer="https://news.example/",
        title="Thanks",
        params={},
        items=[{"item_id": "SKU1", "item_name": "Genser", "price": 249.5, "quantity": 2}],
        value=499.0,
        currency="NOK",
        transaction_id="T-1",
        user_agent="Mozilla/5.0 (Windows NT 10.0) Chrome/156",
        language="nb",
        screen="1920x1080",
        address=None,
        country="NO",
        signals=ALL_DENIED,
        explicit=True,
        random_id="1234567890.1795341600",
    )
    return replace(event, **changes)  # type: ignore[arg-type]  # as above


def trace_for(forwarder: Forwarder, **changes: object) -> Trace:
    """Return a trace with every cookie and click id that this forwarder declared, and no other."""
    trace = Trace(
        cookies={name: COOKIES[name] for name in sorted(forwarder.cookie_names()) if name in COOKIES},
        click_ids={name: CLICK_IDS[name] for name in sorted(forwarder.takes_click_ids) if name in CLICK_IDS},
        derived=bytes(range(16)),
        session_start=NOW_MS // 1000 - 600,
        session_id=None,
        time_ms=NOW_MS,
        host="shop.example",
    )
    return replace(trace, **changes)  # type: ignore[arg-type]  # as above


def full_event_for(forwarder: Forwarder, **changes: object) -> FullEvent:
    """Return a consented purchase with all that this forwarder may know of the visitor: its ids, hashes, user id."""
    event = full_event(**changes)
    if "ids" not in changes:
        event.ids = forwarder.identify(trace_for(forwarder), event.signals)
    if "contact" not in changes:
        event.contact = forwarder.contact(SHOPPER, event.signals)
    return event
