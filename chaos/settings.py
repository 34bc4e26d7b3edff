"""The configuration of the shop that the campaign runs, and ports for it."""

import json
import random
import socket
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from chaos.processes import ROOT
from chaos.words import ORIGIN, SITE

_ADS_KEY = "CHAOS_ADS_KEY"
TIMEOUT_S = 1.5
"""How long a vendor has for an answer: short, so that a short campaign sees many timeouts."""


def write_config(folder: Path, *, origin: str, store: str, public: int, admin: int) -> Path:
    """Write a configuration; return its path.

    Args:
        folder: where.
        origin: what stands in for all vendors.
        store: ``embedded``, or the URL of another.
        public: port of the gateway.
        admin: port of the admin listener.
    """
    path = folder / "sayso.toml"
    path.write_text(
        f"""
[server]
listen = "127.0.0.1:{public}"
admin_listen = "127.0.0.1:{admin}"
data_dir = "{folder / "disk"}"
rate_limit_per_minute = 0
[store]
url = "{store}"
durability = "always"
[egress]
origin = "{origin}"
[delivery]
timeout_s = {TIMEOUT_S}
[sites.{SITE}]
hosts = ["127.0.0.1"]
origins = ["{ORIGIN}"]
[sites.{SITE}.visitor]
attribution_days = 0
[sites.{SITE}.policy]
preset = "consent-mode"
cookieless_transaction_id = true
[sites.{SITE}.forwarders.google_analytics]
measurement_id = "G-CHAOS1"
api_secret = "no-secret"
[sites.{SITE}.forwarders.google_ads]
customer_id = "1234567890"
credentials = "env:{_ADS_KEY}"
conversion_id = "AW-123456789"
[sites.{SITE}.forwarders.google_ads.conversions.purchase]
action_id = "987654321"
label = "AbC-D_efG-h12"
[sites.{SITE}.forwarders.meta]
dataset_id = "1111111111"
access_token = "no-token"
[sites.{SITE}.forwarders.microsoft]
tag_id = "97000001"
api_token = "no-token"
""",
        encoding="utf-8",
    )
    return path


def environment(folder: Path) -> dict[str, str]:
    """Return what every ``sayso`` process needs in its environment; what it makes for a while goes into ``folder``."""
    return {_ADS_KEY: _ads_key(), "TMPDIR": str(folder), "PYTHONPATH": str(ROOT)}


def _ads_key() -> str:
    """Return a service-account key as Google issues it, which opens nothing."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return json.dumps(
        {
            "type": "service_account",
            "private_key_id": "0123456789abcdef",
            "private_key": pem.decode(),
            "client_email": "chaos@shop.iam.gserviceaccount.com",
            "token_uri": "https://oauth2.googleapis.com/token",
        }
    )


def free_ports(number: int) -> list[int]:
    """Return ports that are free now and that no outgoing connection will take while a process is down."""
    found: list[int] = []
    while len(found) < number:
        port = random.SystemRandom().randrange(15_000, 31_000)
        with socket.socket() as sock:
            try:
                sock.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in found:
            found.append(port)
    return found
