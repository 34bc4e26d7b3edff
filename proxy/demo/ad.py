"""The ad by which a visitor of the demo comes: an address with campaign and click ids as the vendors' own ads append them."""

import secrets
from collections.abc import Mapping
from urllib.parse import urlencode

CLICK_IDS = {"gclid": "Google", "fbclid": "Meta", "msclkid": "Microsoft"}
"""The click ids in the ad's link, and whose each is."""
_CAMPAIGN = {"utm_source": "demo-ad", "utm_medium": "cpc", "utm_campaign": "knitwear"}


def is_from_ad(query: Mapping[str, str]) -> bool:
    """Tell whether a page was opened by the ad's link."""
    return all(name in query for name in CLICK_IDS)


def ad_query(**settings: str) -> str:
    """Return the query of a fresh click on the ad. ``settings`` come first: the demo's own language and preset."""
    clicks = {
        "gclid": f"Cj0KCQ-demo-{secrets.token_urlsafe(12)}",
        "fbclid": f"IwAR-demo-{secrets.token_urlsafe(12)}",
        "msclkid": secrets.token_hex(16),
    }
    return urlencode({**settings, **_CAMPAIGN, **clicks})
