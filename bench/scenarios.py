"""The installations and the requests that are measured."""

import json
import subprocess
import sys
from pathlib import Path

import aiohttp
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

PAGE = "https://shop.example"
USER_AGENT = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36"
_EVENT = {
    "name": "purchase",
    "event_id": "",
    "page": {
        "url": f"{PAGE}/takk?utm_source=nyhetsbrev&utm_medium=epost&gclid=Cj0KCQiA3sq6BhD2ARIsAJ8MRwX",
        "referrer": f"{PAGE}/kasse",
        "title": "Takk for bestillingen",
    },
    "params": {
        "value": 499.0,
        "currency": "NOK",
        "items": [
            {"item_id": "SKU-1001", "item_name": "Genser i ull", "price": 249.5, "quantity": 1},
            {"item_id": "SKU-1002", "item_name": "Lue", "price": 249.5, "quantity": 1},
        ],
        "shipping": 49,
    },
    "client": {"language": "nb-NO", "screen": "1920x1080"},
}
ALL = ("analytics_storage", "ad_storage", "ad_user_data", "ad_personalization")


def service_account() -> str:
    """Return a service-account key that nobody issued."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return json.dumps(
        {
            "type": "service_account",
            "client_email": "bench@bench.iam.gserviceaccount.com",
            "private_key": pem.decode(),
            "private_key_id": "1",
            "token_uri": "https://oauth2.googleapis.com/token",
        }
    )


def write_config(folder: Path, *, durability: str, origin: str = "") -> Path:
    """Write a configuration with four forwarders."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "key.json").write_text(service_account())
    path = folder / "sayso.toml"
    path.write_text(
        f"""
[server]
listen = "127.0.0.1:0"
admin_listen = "127.0.0.1:0"
rate_limit_per_minute = 0
data_dir = "data"
[store]
durability = "{durability}"
[egress]
origin = "{origin}"
[log]
level = "warning"
[sites.shop]
origins = ["{PAGE}"]
[sites.shop.policy]
preset = "consent-mode"
[sites.shop.forwarders.google_analytics]
measurement_id = "G-BENCH123"
api_secret = "bench"
[sites.shop.forwarders.google_ads]
customer_id = "1234567890"
credentials = "file:key.json"
conversion_id = "AW-123456789"
[sites.shop.forwarders.google_ads.conversions.purchase]
action_id = "987654321"
label = "AbC-D_efG-h12"
[sites.shop.forwarders.meta]
dataset_id = "1234567890"
access_token = "bench"
[sites.shop.forwarders.microsoft]
tag_id = "97000001"
api_token = "bench"
"""
    )
    return path


def post(body: bytes, *, cookie: str = "") -> bytes:
    """Write one request as a browser would send it."""
    cookies = f"Cookie: {cookie}\r\n" if cookie else ""
    head = (
        f"POST /collect HTTP/1.1\r\nHost: shop.example\r\nOrigin: {PAGE}\r\nUser-Agent: {USER_AGENT}\r\n"
        f"Accept: */*\r\nAccept-Language: nb-NO,nb;q=0.9\r\nAccept-Encoding: gzip, deflate, br\r\n"
        f"Referer: {PAGE}/\r\nSec-Fetch-Site: same-origin\r\n{cookies}"
        f"Content-Type: text/plain;charset=UTF-8\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def events(count: int, *, cookies: list[str]) -> list[bytes]:
    """Write requests: ids minted by us, cookies taken in turn."""
    body = dict(_EVENT)
    del body["event_id"]
    raw = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    return [post(raw, cookie=cookies[number % len(cookies)] if cookies else "") for number in range(count)]


async def consenting(public: str, count: int) -> list[str]:
    """Let visitors consent to everything; returns their cookies."""
    found = []
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        for _ in range(count):
            async with session.post(
                f"{public}/consent",
                headers={"Host": "shop.example", "Origin": PAGE},
                json=dict.fromkeys(ALL, "granted"),
            ) as answer:
                found.append(answer.headers["Set-Cookie"].split(";", 1)[0])
    return found


def revision() -> str:
    """Return what is measured, as far as git knows."""
    done = subprocess.run(
        ["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False
    )
    return f"{done.stdout.strip() or 'unknown'}, Python {sys.version.split()[0]}"
