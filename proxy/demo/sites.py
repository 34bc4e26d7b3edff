"""The demo's configuration: one website under three policies, with an account at each of four made-up vendors. Pure but for a key.

The one website is three sites of one gateway, told apart by their paths. All ids, tokens and the key are made up; they
are good at the twin and nowhere else.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from proxy.settings import Settings, read_settings

HOSTS = ("127.0.0.1", "localhost")
"""The names by which a browser on this machine reaches loopback; no other is answered (DNS rebinding)."""
PATHS: Mapping[str, str] = MappingProxyType(
    {"consent-mode": "/", "notice-2021": "/notice-2021/", "eea-strict": "/eea-strict/"}
)
"""The sites, which bear the names of their presets, and their base paths. The first is what a visitor begins with."""
DEFAULT = next(iter(PATHS))
TIMEOUT_S = 3.0
"""How long a vendor that hangs is waited for: short enough to be seen by whoever tries it."""
_KEY_BITS = 2048


def service_account() -> str:
    """Make a service-account key as Google issues them, for nobody. Takes some 0.1 s."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=_KEY_BITS)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return json.dumps(
        {
            "type": "service_account",
            "project_id": "sayso-demo",
            "private_key_id": "0" * 40,
            "private_key": pem,
            "client_email": "demo@sayso-demo.iam.gserviceaccount.com",
            "client_id": "100000000000000000000",
            "token_uri": "https://oauth2.googleapis.com/token",
        }
    )


def make_settings(*, data_dir: Path, shop_port: int, twin: str, credentials: str) -> Settings:
    """Make the settings of the demo's gateway and delivery.

    Args:
        data_dir: folder of the embedded store.
        shop_port: port of the shop, whose pages may send.
        twin: origin of the twin, to which everything outbound goes.
        credentials: a service-account key (JSON).
    """
    origins = [f"http://{host}:{shop_port}" for host in HOSTS]
    sites = {
        preset: {
            "hosts": list(HOSTS),
            "base_path": path,
            "origins": origins,
            "conversions": ["purchase", "generate_lead"],
            "policy": {"preset": preset},
            "forwarders": _forwarders(preset, credentials),
        }
        for preset, path in PATHS.items()
    }
    document = {
        # Ports are free ones, bound before this is read; nobody looks at these two.
        "server": {"listen": "127.0.0.1:0", "admin_listen": "127.0.0.1:0", "data_dir": str(data_dir)},
        "egress": {"origin": twin},
        "delivery": {"linger_ms": 0, "timeout_s": TIMEOUT_S},
        "log": {"level": "warning"},
        "sites": sites,
    }
    return read_settings(document, file="the demo", folder=data_dir)


def _forwarders(preset: str, credentials: str) -> dict[str, dict[str, object]]:
    conversions = {
        "purchase": {"action_id": "987654321", "label": "AbC-D_efG-h12"},
        "generate_lead": {"action_id": "987654322", "label": "IjK-L_mnO-p34"},
    }
    return {
        "google_analytics": {"measurement_id": "G-DEMO123", "api_secret": f"demo-secret-{preset}"},
        "google_ads": {
            "customer_id": "1234567890",
            "credentials": credentials,
            "conversion_id": "AW-123456789",
            "conversions": conversions,
        },
        "meta": {"dataset_id": "1234567890", "access_token": f"demo-token-{preset}"},
        "microsoft": {"tag_id": "97000001", "api_token": f"demo-token-{preset}"},
    }
