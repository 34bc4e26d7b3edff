"""``sayso demo`` as a visitor meets it, in a real Chromium: what they answer decides what each vendor gets."""

import json
import re
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs, urlsplit
from urllib.request import urlopen

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

pytestmark = pytest.mark.browser

VENDORS = ("google_analytics", "google_ads", "meta", "microsoft")
E_MAIL = sha256(b"kari.nordmann@example.com").hexdigest()
E_MAIL_WITHOUT_DOTS = sha256(b"karinordmann@example.com").hexdigest()
PHONE = sha256(b"+4740612345").hexdigest()


class Shop:
    """What a visitor does in the shop, and what the vendors got of it."""

    def __init__(self, page: Page, demo: dict[str, str]) -> None:
        self.page = page
        self._demo = demo

    def open(self, query: str = "") -> "Shop":
        self.page.goto(f"{self._demo['shop']}/{query}")
        expect(self.page.locator("#live")).to_have_attribute("data-state", "live")
        self.settled("page_view")
        return self

    def answer(self, choice: str) -> None:
        self.page.click(f"button[data-choice={choice}]")
        words = {
            "accept": "all accepted",
            "stats": "only statistics",
            "refuse": "refused",
            "withdraw": "withdrawn",
        }
        expect(self.page.locator("#choice")).to_have_text(f"Your choice: {words[choice]}")

    def buy(self, product: str = "sweater") -> Locator:
        before = self.page.locator(".card[data-event=purchase]").count()
        self.page.click(f"[data-buy={product}]")
        self.page.click("#pay")
        expect(self.page.locator(".card[data-event=purchase]")).to_have_count(before + 1)
        return self.settled("purchase")

    def settled(self, event: str) -> Locator:
        """Return the newest card of an event, once every vendor has it that may."""
        card = self.page.locator(f".card[data-event={event}]").first
        expect(card.locator(".row")).to_have_count(4)
        open_rows = ".row:not([data-state=accepted]):not([data-state=none])"
        expect(card.locator(open_rows)).to_have_count(0)
        return card

    def got(self, vendor: str, containing: str = "") -> list[dict[str, Any]]:
        """Return what a vendor got, oldest first."""
        with urlopen(f"{self._demo['twin']}/_twin/requests") as answer:  # noqa: S310 - ours
            found = json.load(answer)["requests"]
        return [one for one in found if one["vendor"] == vendor and containing in one["body"] + one["query"]]

    def ids(self) -> dict[str, str]:
        """Return the click ids with which the visitor came."""
        query = parse_qs(urlsplit(self.page.url).query)
        return {name: query[name][0] for name in ("gclid", "fbclid", "msclkid")}


@pytest.fixture
def shop(page: Page, demo: dict[str, str]) -> Shop:
    """Make a visitor who has not opened the shop yet."""
    return Shop(page, demo)


def decisions(card: Locator) -> dict[str, str | None]:
    """Return what a card shows as decided, by vendor."""
    return {
        vendor: card.locator(f"[data-forwarder={vendor}]").get_attribute("data-decision")
        for vendor in VENDORS
    }


def cookies(context: BrowserContext) -> dict[str, Any]:
    """Return the browser's cookies, by name."""
    return {cookie["name"]: cookie for cookie in context.cookies()}


def test_a_refusal_leaves_google_pings_without_a_name_and_the_others_nothing(
    shop: Shop, context: BrowserContext
) -> None:
    """Refuse, buy: two cookieless Google requests, nothing at Meta and Microsoft, no id anywhere."""
    shop.open().answer("refuse")
    card = shop.buy()
    cookieless = {
        "google_analytics": "cookieless",
        "google_ads": "cookieless",
        "meta": "drop",
        "microsoft": "drop",
    }
    assert decisions(card) == cookieless
    ping = shop.got("google_ads", "label=")[-1]
    assert ping["host"] == "pagead2.googlesyndication.com"
    assert dict(ping["params"])["gcs"] == "G100"
    assert dict(ping["params"])["value"] == "499"
    assert shop.got("google_analytics", "en=purchase")[-1]["path"] == "/g/collect"
    assert shop.got("meta") == shop.got("microsoft") == []
    sent = json.dumps([shop.got(vendor) for vendor in VENDORS])
    for secret in (*shop.ids().values(), "kari.nordmann", E_MAIL, E_MAIL_WITHOUT_DOTS, PHONE):
        assert secret not in sent
    assert "_sayso" not in cookies(context)
    assert "_sayso_consent" in cookies(context)


def test_a_yes_gives_each_vendor_its_own_click_id_and_its_own_hashes(
    shop: Shop, context: BrowserContext
) -> None:
    """Accept all, buy: four full requests, each with what that vendor issued or may match by, and no other's."""
    shop.open().answer("accept")
    card = shop.buy()
    assert set(decisions(card).values()) == {"full"}
    ids = shop.ids()
    (ads,) = shop.got("google_ads", "conversionValue")
    event = ads["json"]["events"][0]
    assert event["adIdentifiers"] == {"gclid": ids["gclid"]}
    assert {"emailAddress": E_MAIL} in event["userData"]["userIdentifiers"]
    meta = shop.got("meta", '"Purchase"')[-1]["json"]["data"][0]
    assert meta["user_data"]["em"] == [E_MAIL]
    assert meta["user_data"]["fbc"].endswith(f".{ids['fbclid']}")
    microsoft = shop.got("microsoft", '"purchase"')[-1]["json"]["data"][0]
    assert microsoft["userData"]["msclkid"] == ids["msclkid"]
    assert microsoft["userData"]["em"] == E_MAIL_WITHOUT_DOTS
    analytics = shop.got("google_analytics", '"purchase"')[-1]["json"]
    assert re.fullmatch(r"\d+\.\d+", analytics["client_id"])
    foreign = {
        "google_ads": ("fbclid", "msclkid"),
        "meta": ("gclid", "msclkid"),
        "microsoft": ("gclid", "fbclid"),
    }
    for vendor, others in foreign.items():
        for name in others:
            assert ids[name] not in json.dumps(shop.got(vendor)), f"{vendor} got {name}"
    cookie = cookies(context)["_sayso"]
    assert cookie["httpOnly"]
    assert cookie["value"].partition(".")[0] not in json.dumps([shop.got(vendor) for vendor in VENDORS])


def test_only_statistics_is_analytics_in_full_and_an_ads_ping(shop: Shop) -> None:
    """Only statistics, buy: Analytics may recognise the visitor, advertising may not."""
    shop.open().answer("stats")
    card = shop.buy()
    expected = {"google_analytics": "full", "google_ads": "cookieless", "meta": "drop", "microsoft": "drop"}
    assert decisions(card) == expected
    assert dict(shop.got("google_ads", "label=")[-1]["params"])["gcs"] == "G101"
    analytics = shop.got("google_analytics", '"purchase"')[-1]
    assert "user_data" not in analytics["json"]
    assert shop.ids()["gclid"] not in analytics["body"]
    assert shop.got("meta") == shop.got("microsoft") == []


def test_after_a_withdrawal_the_next_purchase_names_nobody(shop: Shop, context: BrowserContext) -> None:
    """Accept, buy, withdraw, buy: the id is gone, and with it all that stood on it."""
    shop.open().answer("accept")
    assert decisions(shop.buy())["meta"] == "full"
    assert "_sayso" in cookies(context)
    shop.page.click("#settings")
    shop.answer("withdraw")
    expect(shop.page.locator("#id-cookie")).to_have_text("none")
    assert "_sayso" not in cookies(context)
    before = len(shop.got("meta")), len(shop.got("microsoft"))
    shop.page.click("[data-view=thanks] a")
    card = shop.buy("mittens")
    cookieless = {
        "google_analytics": "cookieless",
        "google_ads": "cookieless",
        "meta": "drop",
        "microsoft": "drop",
    }
    assert decisions(card) == cookieless
    assert (len(shop.got("meta")), len(shop.got("microsoft"))) == before
    assert dict(shop.got("google_ads", "label=")[-1]["params"])["gcs"] == "G100"


def test_strictly_nothing_is_sent_before_the_visitor_answers(shop: Shop, context: BrowserContext) -> None:
    """EEA, strict: a purchase under silence reaches no vendor, and leaves no cookie."""
    shop.open("?preset=eea-strict")
    card = shop.buy()
    assert set(decisions(card).values()) == {"drop"}
    assert [shop.got(vendor) for vendor in VENDORS] == [[], [], [], []]
    assert cookies(context) == {}


def test_the_notice_of_2021_counts_from_the_first_page_view(shop: Shop, context: BrowserContext) -> None:
    """Notice of 2021: Analytics in full under silence, with an id of at most seven days."""
    card = shop.open("?preset=notice-2021").settled("page_view")
    assert decisions(card)["google_analytics"] == "full"
    expect(card.locator("[data-forwarder=google_analytics] .why")).to_contain_text("legitimate interest")
    cookie = cookies(context)["_sayso"]
    now = shop.page.evaluate("Date.now() / 1000")
    assert cookie["expires"] - now <= 7 * 86_400 + 5


@pytest.mark.parametrize(
    ("language", "unknown", "denied", "nothing"),
    [
        ("en", "the visitor has not answered yet", "the visitor said no", "Nothing"),
        ("nb", "den besøkende har ikke svart ennå", "den besøkende sa nei", "Ingenting"),
    ],
)
def test_every_decision_says_why_in_the_readers_language(
    shop: Shop, language: str, unknown: str, denied: str, nothing: str
) -> None:
    """Reasons are plain sentences, in English and in Norwegian, each with the signal that stood in the way."""
    card = shop.open(f"?lang={language}").settled("page_view")
    meta = card.locator("[data-forwarder=meta]")
    expect(meta.locator(".why")).to_have_text(f"{unknown} ad_storage")
    expect(meta.locator(".decision")).to_have_text(nothing)
    shop.page.click("button[data-choice=refuse]")
    expect(shop.page.locator("#refusal-cookie")).to_have_attribute("data-there", "true")
    expect(shop.buy().locator("[data-forwarder=meta] .why")).to_have_text(f"{denied} ad_storage")
    assert shop.page.locator("html").get_attribute("lang") == language


def test_a_card_shows_the_four_signals_as_they_were(shop: Shop) -> None:
    """What the visitor says later does not change what an earlier event stood on."""
    first = shop.open().settled("page_view")
    shop.answer("stats")
    expect(first.locator(".chip[data-value=unknown]")).to_have_count(4)
    chips = shop.buy().locator(".chip")
    expect(chips).to_have_count(4)
    assert [chip.get_attribute("data-value") for chip in chips.all()] == [
        "granted",
        "denied",
        "denied",
        "denied",
    ]


def test_the_request_can_be_looked_at_as_the_vendor_got_it(shop: Shop) -> None:
    """Unfolded: address, body and answer, with all that recognises the visitor marked; in a ping nothing is."""
    shop.open()
    ping = shop.settled("page_view").locator("[data-forwarder=google_analytics]")
    ping.locator("summary").click()
    expect(ping.locator(".line")).to_contain_text("https://www.google-analytics.com/g/collect")
    expect(ping.locator(".legend-note")).to_contain_text(
        "Nothing in it lets the vendor recognise the visitor"
    )
    expect(ping.locator("mark")).to_have_count(0)
    shop.answer("accept")
    meta = shop.buy().locator("[data-forwarder=meta]")
    meta.locator("summary").click()
    expect(meta.locator(".line")).to_contain_text("POST https://graph.facebook.com/")
    expect(meta.locator("mark", has_text=E_MAIL)).to_have_count(1)
    expect(meta.locator("mark", has_text=shop.ids()["fbclid"]).first).to_be_visible()
    expect(meta.locator(".answer")).to_have_text("HTTP 200")


def test_another_policy_means_another_visitor(shop: Shop, context: BrowserContext) -> None:
    """Switching the preset clears both cookies, comes by a fresh click on the ad, and the events stay in view."""
    shop.open().answer("accept")
    shop.buy()
    before = shop.ids()
    shop.page.click(".presets button[value=eea-strict]")
    expect(shop.page.locator(".presets button[value=eea-strict]")).to_have_attribute("aria-current", "true")
    expect(shop.page.locator("#banner")).to_be_visible()
    assert not {"_sayso", "_sayso_consent"} & cookies(context).keys()
    assert shop.ids().keys() == before.keys()
    assert not set(shop.ids().values()) & set(before.values())
    expect(shop.page.locator(".note[data-note=visitor]").first).to_contain_text("EEA, strict")
    expect(shop.page.locator(".card[data-event=purchase][data-site=consent-mode]").first).to_be_attached()


def test_the_banner_can_be_answered_and_reopened_by_keyboard_alone(shop: Shop) -> None:
    """Focus goes where the reader is: to the settings after an answer, to the banner when it is opened again."""
    page = shop.open().page
    page.locator("button[data-choice=refuse]").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#banner")).to_be_hidden()
    expect(page.locator("#settings")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#banner-heading")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#banner")).to_be_hidden()
    expect(page.locator("#settings")).to_be_focused()
    page.locator("[data-buy=hat]").focus()
    page.keyboard.press("Enter")
    expect(page.locator("[data-view=checkout] h2")).to_be_focused()


def test_the_three_answers_look_alike(shop: Shop) -> None:
    """No answer is bigger, louder or nearer than another."""
    page = shop.open().page
    looks = page.evaluate(
        """() => [...document.querySelectorAll('.answers button')].map((button) => {
            const style = getComputedStyle(button), box = button.getBoundingClientRect();
            return [style.color, style.backgroundColor, style.borderColor, style.fontSize, style.fontWeight,
                    Math.round(box.width), Math.round(box.height), Math.round(box.top)].join();
        })"""
    )
    assert len(looks) == 3
    assert len(set(looks)) == 1


def test_a_vendor_that_fails_holds_up_nobody_else(shop: Shop) -> None:
    """Meta fails: the others have the purchase all the same; it answers again, and gets its own."""
    shop.open().answer("accept")
    shop.page.click("#faults label:has([value=error])")
    expect(shop.page.locator(".note[data-note=meta_error]")).to_be_attached()
    shop.page.click("[data-buy=scarf]")
    shop.page.click("#pay")
    card = shop.page.locator(".card[data-event=purchase]").first
    meta = card.locator("[data-forwarder=meta]")
    expect(meta).to_have_attribute("data-state", "retry")
    for other in ("google_analytics", "google_ads", "microsoft"):
        expect(card.locator(f"[data-forwarder={other}]")).to_have_attribute("data-state", "accepted")
    shop.page.click("#faults label:has([value=works])")
    expect(meta).to_have_attribute("data-state", "accepted", timeout=20_000)


def test_it_works_under_the_name_localhost_too(shop: Shop, demo: dict[str, str]) -> None:
    """Whoever types the other name of this machine gets the same."""
    shop.page.goto(demo["shop"].replace("127.0.0.1", "localhost"))
    shop.answer("accept")
    assert set(decisions(shop.buy()).values()) == {"full"}
