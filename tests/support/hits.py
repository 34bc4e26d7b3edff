"""A purchase as Google's own tag reports it, and what is made of it."""

from urllib.parse import urlencode

from proxy.event import Event
from proxy.hits import Hit, event_of, read_hits
from tests.support.events import NOW_MS

STREAMS = ("G-XXXXXXX", "G-SECOND1")

# As captured from the tag on a shop's thank-you page, with other ids.
PURCHASE = {
    "v": "2",
    "tid": "G-XXXXXXX",
    "gtm": "45je5b90v9123456789za200",
    "_p": "1795341599377",
    "gcs": "G111",
    "gcd": "13r3r3r2r5l1",
    "npa": "0",
    "dma": "1",
    "dma_cps": "syphamo",
    "cid": "957607842.1772467665",
    "ul": "nb-no",
    "sr": "1920x1080",
    "uaa": "x86",
    "uab": "64",
    "uafvl": "Chromium;141.0.7390.55|Google%20Chrome;141.0.7390.55|Not%3FA_Brand;8.0.0.0",
    "uamb": "0",
    "uam": "",
    "uap": "Windows",
    "uapv": "15.0.0",
    "uaw": "0",
    "are": "1",
    "frm": "0",
    "pscdl": "noapi",
    "_eu": "AAAAAGA",
    "_s": "2",
    "sid": "1795340000",
    "sct": "3",
    "seg": "1",
    "dl": "https://shop.example/thanks?gclid=Cj0Kabc",
    "dr": "https://shop.example/cart",
    "dt": "Takk",
    "en": "purchase",
    "_c": "1",
    "_et": "1234",
    "cu": "NOK",
    "epn.value": "499.5",
    "epn.tax": "99.9",
    "epn.shipping": "0",
    "ep.transaction_id": "T-1",
    "ep.coupon": "VÅR",
    "pr1": "idSKU1~nmGenser ~~ rød~brAcme~pr249.75~qt2~lp1~k0colour~v0red~k1gift~v1yes",
    "up.tier": "gold",
    "upn.visits": "7",
    "uid": "u-1",
    "sst.rnd": "123.456",
    "sst.uc": "NO",
    "tag_exp": "101509157~103116026",
    "tfd": "1890",
    "richsstsse": "",
}


def hit_of(*lines: str, **changes: str | None) -> Hit:
    """Read the purchase with some of its parameters changed, or left out."""
    query = {key: value for key, value in {**PURCHASE, **changes}.items() if value is not None}
    (hit,), _ = read_hits(urlencode(query), "\r\n".join(lines))
    return hit


def event(*lines: str, **changes: str | None) -> Event:
    """Return the event that it becomes."""
    return event_of(hit_of(*lines, **changes), STREAMS, now_ms=NOW_MS, mint_id="minted")
