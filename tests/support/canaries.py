"""A visitor who leaves a mark in everything that a browser, a page or a banner can say of a person.

Each mark is ten letters that stand nowhere else, made of visitor and place, so that whatever is found tells whose it
is and where it came from.
"""

import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

from tests.support.leaks import Leak, Needles, forms_of, forms_of_address
from tests.support.rig import ORIGIN, PAGE, Browser
from tests.support.tc_strings import Wish

HASHED = frozenset({"md5", "sha1", "sha256"})
FREE_PARAM = "colour"
LISTED_PARAM = "size"
"""A parameter that the policy lets cookieless events carry."""


def letters(*parts: str) -> str:
    """Return ten letters for these words."""
    digest = hashlib.blake2b("\0".join(parts).encode(), digest_size=10).digest()
    return "".join(chr(97 + byte % 26) for byte in digest)


def digits(length: int, *parts: str) -> str:
    """Return so many digits for these words, the first not 0."""
    number = int.from_bytes(hashlib.blake2b("\0".join(parts).encode(), digest_size=8).digest())
    return str(10 ** (length - 1) + number % (9 * 10 ** (length - 1)))


@dataclass
class Canary:
    """One visitor. ``marks`` is what was planted, by the name of its place."""

    name: str
    address: str
    marks: dict[str, str] = field(default_factory=dict)

    def mark(self, place: str) -> str:
        """Plant ten letters."""
        return self.marks.setdefault(place, letters(self.name, place))

    def number(self, place: str, length: int) -> str:
        """Plant digits."""
        return self.marks.setdefault(place, digits(length, self.name, place))

    def hexadecimal(self, place: str) -> str:
        """Plant 32 hexadecimal digits."""
        raw = hashlib.blake2b(f"{self.name}{place}".encode(), digest_size=16).hexdigest()
        return self.marks.setdefault(place, raw)

    def screen(self) -> str:
        """Plant a size that no screen has."""
        size = digits(4, self.name, "screen")
        return self.marks.setdefault("screen", f"19{size[:2]}x10{size[2:]}")

    def tc_string(self) -> str:
        """Plant a TC string of today that consents to everything, told from others by its banner's id."""
        today = time.time_ns() // 86_400_000_000_000 * 86_400_000
        text = Wish(updated_at=today, cmp_id=300 + len(self.name)).text()
        return self.marks.setdefault("tc string", text)

    # -- what the browser says ---------------------------------------------------------------------------------------

    def browser(self, browser: Browser, *, answered: bool = True) -> Browser:
        """Give a browser headers and cookies; ``answered``: those of banners that were answered long ago, too."""
        mark = self.mark
        browser.headers.update(
            {
                "User-Agent": f"{PAGE['User-Agent']} {mark('agent')}/7.1",
                "Accept-Language": f"nb-NO,nn;q=0.8,x-{mark('language')};q=0.1",
                "Sec-CH-UA": f'"{mark("client hint")}";v="156"',
                "Via": f"1.1 {mark('via')}",
                "If-None-Match": f'"{mark("etag")}"',
                "X-Requested-With": mark("x-header"),
                "Authorization": f"Basic {mark('authorization')}",
                "Referer": f"{ORIGIN}/{mark('referer')}",
                "X-Forwarded-For": self.address,
            }
        )
        # Proper ones, of an answer before the one that is posted: they are read, and change nothing.
        consent = json.dumps(
            {
                "timestamp": "2026-01-02T03:04:05.000Z",
                "user_uid": mark("cmp uid"),
                "user_agent": mark("cmp agent"),
                "consents_approved": [
                    f"cookie_cat_{name}" for name in ("necessary", "statistic", "marketing")
                ],
                "consents_denied": [],
            },
            separators=(",", ":"),
        )
        browser.cookies.update(
            {
                "_ga": f"GA1.1.{self.number('_ga', 10)}.1700000000",
                "_ga_XXXXXXX": f"GS2.1.s{self.number('_ga session', 10)}$o3$g1$t1795341500$j60$l0$h0",
                "_gcl_aw": f"GCL.1795000002.{mark('_gcl_aw')}",
                "_fbp": f"fb.1.1795169000000.{self.number('_fbp', 10)}",
                "_fbc": f"fb.1.1795169000001.{mark('_fbc')}",
                "_uetvid": self.hexadecimal("_uetvid"),
                "_uetmsclkid": f"_uet{self.hexadecimal('_uetmsclkid')}",
                "li_fat_id": mark("li_fat_id cookie"),
                "session": mark("other cookie"),
            }
        )
        if answered:
            browser.cookies.update(
                {"CookieInformationConsent": quote(consent), "euconsent-v2": self.tc_string()}
            )
        return browser

    # -- what the banner says ----------------------------------------------------------------------------------------

    def statement(self, signals: Mapping[str, str]) -> dict[str, object]:
        """Return a consent statement."""
        return {**signals, "source": f"cmp {self.mark('source')}", "proof": f"id {self.mark('proof')}"}

    # -- what the page says ------------------------------------------------------------------------------------------

    def url(self) -> str:
        """Return a page's address with a mark in each part."""
        mark = self.mark
        query = {
            "utm_campaign": mark("utm"),
            "q": mark("query"),
            "gclid": f"Cj0K{mark('gclid')}",
            "dclid": f"CLu{mark('dclid')}",
            "fbclid": f"IwAR{mark('fbclid')}",
            "msclkid": f"{mark('msclkid')}0123456789",
            "ttclid": f"E.C.P.{mark('ttclid')}",
            "li_fat_id": f"{mark('li_fat_id')}-0123456789",
            "_gl": f"1*{mark('_gl')}*_ga*MTIz",
            "mc_eid": mark("mc_eid"),
            "email": f"{mark('query email')}@example.com",
        }
        words = "&".join(f"{key}={quote(value)}" for key, value in query.items())
        user = mark("user name")
        return f"https://{user}@shop.example/{mark('path')}/thanks?{words}#{mark('fragment')}"

    def purchase(self, **changes: object) -> dict[str, object]:
        """Return a purchase with a mark in each field, also in fields that a page may not or need not state."""
        mark = self.mark
        mail, phone = f"{mark('email')}@example.com", f"+4741{self.number('phone', 6)}"
        body: dict[str, object] = {
            "name": "purchase",
            "event_id": f"e-{mark('event id')}",
            "page": {
                "url": self.url(),
                "referrer": f"https://{mark('referrer host')}.example/{mark('referrer path')}?s={mark('referrer query')}",
                "title": f"Takk {mark('title')}",
            },
            "params": {
                "value": 499,
                "currency": "NOK",
                "transaction_id": f"T-{mark('transaction')}",
                FREE_PARAM: mark("free parameter"),
                LISTED_PARAM: mark("listed parameter"),
                "gclid": mark("parameter gclid"),
                "note": f"write to {mark('parameter email')}@example.com",
                "items": [
                    {
                        "item_id": mark("item id"),
                        "item_name": f"Genser {mark('item name')}",
                        "price": 499,
                        "quantity": 1,
                        "stock": mark("item field"),
                    }
                ],
            },
            "user_data": {
                "email": mail,
                "phone": phone,
                "first_name": mark("first name"),
                "last_name": mark("last name"),
                "city": mark("city"),
                "postal_code": mark("postal code"),
                "country": "NO",
            },
            "user_id": mark("user id"),
            "user_properties": {"tier": mark("user property")},
            "client": {
                "language": "nb-NO",
                "screen": self.screen(),
                "user_agent": f"Odd/1.0 {mark('stated agent')}",
                "ip": self.address,
            },
            "ids": {"epik": f"dj0{mark('stated click id')}"},
            "visitor": letters(self.name, "stated visitor") * 2 + "aa",
            "session_id": self.number("stated session", 10),
            "surprise": {"deep": mark("unknown key")},
            **changes,
        }
        self.marks["stated visitor"] = letters(self.name, "stated visitor")
        self.marks["whole email"], self.marks["whole phone"] = mail, phone
        return body

    # -- looking for it ----------------------------------------------------------------------------------------------

    def add_to(self, needles: Needles) -> None:
        """Have all marks looked for, and the address."""
        for place, mark in self.marks.items():
            forms = forms_of(mark) if len(mark) >= 10 else [("plain", mark.encode())]
            needles.add(f"{self.name}: {place}", forms)
        # What the published rules for hashing contact data make of it, vendor by vendor.
        phone = self.marks["whole phone"]
        needles.add(f"{self.name}: whole phone", forms_of(phone[1:]))
        needles.add(f"{self.name}: address", forms_of_address(self.address))


def seen(found: set[Leak], visitor: str) -> set[str]:
    """Return what of a visitor was found: places, those that are there only as a hash with ``#`` and its name."""
    prefix = f"{visitor}: "
    mine = [leak for leak in found if leak.name.startswith(prefix)]
    return {
        leak.name.removeprefix(prefix)
        + (f"#{leak.form.partition(' ')[0]}" if leak.form.partition(" ")[0] in HASHED else "")
        for leak in mine
    }
