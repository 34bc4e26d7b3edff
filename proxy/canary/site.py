"""The site that the canary's conversions belong to. It is in no file: it is put beside the configured ones. Pure.

Its policy is the strictest, so that an event without consent must reach nobody. Its one vendor is Google Analytics' own
module, so that what is tried is the mapping that visitors' events go through; only where its requests go is ours.
"""

import base64
from hashlib import blake2b
from typing import Final

from proxy.settings import Settings
from proxy.settings_sites import SiteSettings

NAME: Final = "sayso_canary"
HOST: Final = "canary.sayso.invalid"
_ID_BYTES: Final = 16


def ingest_key(key: bytes) -> str:
    """Return the canary's ingest key: all processes on one store derive the same."""
    return blake2b(b"canary:ingest", key=key, digest_size=24).hexdigest()


def visitor_of(key: bytes, month: int) -> str:
    """Return the id of the visitor that the canary is in a month, counted from 0: a new one each, as grants grow old."""
    digest = blake2b(b"canary:%d" % month, key=key, digest_size=_ID_BYTES).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def with_canary(settings: Settings, key: bytes) -> Settings:
    """Return settings that serve the canary's site too, where they want one.

    Args:
        settings: as they were read.
        key: the installation's secret.
    """
    if not settings.canary.every or NAME in settings.sites:
        return settings
    secret = ingest_key(key)
    site = SiteSettings.model_validate(
        {
            "hosts": [HOST],
            "conversions": ["purchase"],
            "ingest_keys": [secret],
            "policy": {"preset": "eea-strict"},
            "cmp": "none",
            "loader": {"enabled": False},
            "visitor": {"attribution_days": 0},
            "forwarders": {"google_analytics": {"measurement_id": "G-CANARY0", "api_secret": secret}},
        }
    )
    return settings.model_copy(update={"sites": {**settings.sites, NAME: site}})
