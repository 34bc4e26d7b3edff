"""Clients that connect from addresses of their own and name visitors' addresses of every kind, and what they send."""

import json
from dataclasses import dataclass

from tests.support.leaks import SHORT, Needles, forms_of_address
from tests.support.rig import DENY, GRANT, PAGE

CLIENTS = 200
KEY = "the-key-of-the-backend"
# What a visitor's provider gives them: IPv4, IPv6, and IPv6 that carries IPv4.
KINDS = ("v4", "v6", "6to4", "mapped", "nat64", "teredo")


@dataclass(frozen=True)
class Client:
    """One client: whence it connects, and whom it names. ``carried`` is an IPv4 address inside an IPv6 one."""

    number: int
    peer: str
    named: str
    carried: str

    @property
    def trusted(self) -> bool:
        """Whether it counts as one of the site's own proxies."""
        return self.number % 4 != 3


def client(number: int) -> Client:
    """Make a client. Of four, three connect from networks of proxies, and one from where nobody is believed."""
    half = 127 if number % 4 == 3 else 0
    peer = f"127.{half + 11 + number % 97}.{1 + number}.{250 - number}"
    octets = (185, 20 + number, (19 + 3 * number) % 256, 241 - number)
    four = ".".join(map(str, octets))
    tail = f"{octets[0]:02x}{octets[1]:02x}:{octets[2]:02x}{octets[3]:02x}"
    kind = KINDS[number % len(KINDS)]
    inverted = "".join(f"{octet ^ 0xFF:02x}" for octet in octets)
    named = {
        "v4": four,
        "v6": f"2a02:fe1:4{number:02x}8:1d{number:02x}:9c7a:5eff:fe{number:02x}:b3d1",
        "6to4": f"2002:{tail}::1",
        "mapped": f"::ffff:{four}",
        "nat64": f"64:ff9b::{tail}",
        "teredo": f"2001:0:4136:e378:8000:63bf:{inverted[:4]}:{inverted[4:]}",
    }[kind]
    return Client(number, peer, named, "" if kind == "v6" else four)


ALL = [client(number) for number in range(CLIENTS)]


def needles_of(clients: list[Client]) -> Needles:
    """Have every address of these clients looked for."""
    needles = Needles()
    for one in clients:
        for role, address in (("peer", one.peer), ("visitor", one.named), ("carried", one.carried)):
            if address:
                needles.add(f"{role} {one.number}", forms_of_address(address), whole=SHORT)
        if not one.carried:  # what of an IPv6 address is the household's own begins after 48 bits
            household = ":".join(one.named.split(":")[:4])
            needles.add(f"household {one.number}", [("its network", household.encode())])
    return needles


# --- requests -------------------------------------------------------------------------------------------------------


def head(one: Client, method: str, path: str, *more: str) -> bytes:
    """Return a request's head in which the client names the visitor, as proxies do."""
    quoted = f'"[{one.named}]"' if ":" in one.named else one.named
    lines = [
        f"{method} {path} HTTP/1.1",
        "Host: 127.0.0.1",
        "Connection: close",
        f"X-Forwarded-For: {one.named}",
        f"Forwarded: for={quoted}",
        *(f"{name}: {value}" for name, value in PAGE.items()),
        *more,
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


def post(one: Client, path: str, body: object, *more: str) -> bytes:
    """Return a whole POST."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return head(one, "POST", path, f"Content-Length: {len(raw)}", *more) + raw


def purchase(one: Client, **more: object) -> dict[str, object]:
    """Return a purchase on a page that has got hold of the visitor's address itself."""
    return {
        "name": "purchase",
        "page": {
            "url": f"https://shop.example/thanks?ip={one.named}&gclid=Cj0Ktest{one.number}",
            "title": one.named,
        },
        "params": {"value": 1, "currency": "NOK", "transaction_id": f"T-{one.number}", "note": one.named},
        **more,
    }


def requests_of(one: Client) -> list[bytes]:
    """Return requests good, bad and worse; most clients send a few of them."""
    backend = {"client": {"ip": one.named}, "consent": dict(GRANT)}
    found = [
        post(one, "/consent", dict(DENY)),
        post(one, "/collect", purchase(one, consent=dict(GRANT))),
        post(one, "/collect", {"events": [purchase(one), {"name": one.named}]}),
        post(one, "/collect", purchase(one, **backend), f"Authorization: Bearer {KEY}"),
        post(one, "/collect", b'{"name": "' + one.named.encode()),
        post(one, "/collect", {"name": one.named}),
        post(one, "/collect", b" " * 70_000 + one.named.encode()),
        post(one, "/collect", purchase(one), "Content-Type: image/png"),
        post(one, "/collect", purchase(one)).replace(
            b"https://shop.example\r\n", f"https://{one.peer}\r\n".encode()
        ),
        head(one, "GET", f"/collect?en=page_view&dl=https%3A%2F%2Fshop.example%2F%3Fip%3D{one.named}"),
        head(one, "GET", f"/{one.named}"),
        head(one, "PUT", "/collect"),
        head(one, "GET", "/consent", "X-Long: " + "x" * 70_000 + one.named),
        head(one, "GET", "/consent").replace(b"HTTP/1.1", b"HTTP/9.9"),
        head(one, "GET", "/consent").replace(b"Host:", b"Host :"),
        f"GET /consent {one.named}\r\n\r\n".encode(),
        b"\x16\x03\x01" + one.named.encode() + b"\r\n\r\n",
    ]
    return found if one.number % 4 == 0 else [found[(one.number + at) % len(found)] for at in (0, 4, 9, 13)]


def broken_off(one: Client) -> list[bytes]:
    """Return requests that end in the middle."""
    return [
        head(one, "POST", "/collect", "Content-Length: 5000") + one.named.encode(),
        head(one, "POST", "/collect", "Transfer-Encoding: chunked") + b"5\r\nab",
        head(one, "GET", "/consent")[:-9],
    ]


def good(one: Client) -> bytes:
    """Return a purchase of somebody who grants everything."""
    return post(one, "/collect", purchase(one, consent=dict(GRANT)))
