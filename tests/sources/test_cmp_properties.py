"""What must never happen, whatever a browser sends as a banner's cookie."""

import base64
import json
from urllib.parse import quote, unquote

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from proxy.signals import Signals, Value
from proxy.sources.cmp import AUTO, FAMILIES, read_cookies
from proxy.sources.cmp._family import GarbledError
from proxy.sources.cmp._text import unescape
from tests.support.banner_cookies import NOW_MS

AT = 1_795_330_800_000
COOKIEBOT = (
    "{{stamp:%27G+6rYDfrzwrZItFRfHCbe8iQ==%27%2Cnecessary:true%2Cpreferences:false%2Cstatistics:{}%2Cmarketing:{}"
    "%2Cmethod:%27explicit%27%2Cver:1%2Cutc:1795330800000%2Cregion:%27no%27}}"
)
ONETRUST = (
    "isGpcEnabled=0&datestamp=Thu+Jan+22+2026+15%3A26%3A49+GMT%2B0100&version=202512.1.0&consentId=9a25&"
    "interactionCount=1&landingPath=NotLandingPage&groups=C0001%3A1%2CC0002%3A{}%2CC0004%3A{}&intType=6"
)
CLOSED = ("OptanonAlertBoxClosed", "2026-11-22T07:00:00.000Z")
COOKIEYES = (
    "consentid:WkFhSjJ6Zl,consent:yes,action:yes,necessary:yes,functional:yes,analytics:{},performance:no,"
    "advertisement:{},other:no"
)


def _b64(said: object) -> str:
    return base64.b64encode(json.dumps(said, separators=(",", ":")).encode()).decode()


def _json(said: object) -> str:
    return quote(json.dumps(said, separators=(",", ":")), safe="")


def _information(approved: list[str], denied: list[str]) -> str:
    return _json(
        {"timestamp": "2026-11-22T07:00:00.000Z", "consents_approved": approved, "consents_denied": denied}
    )


def _didomi(enabled: list[str], disabled: list[str]) -> str:
    said = {"updated": "2026-11-22T07:00:00.000Z", "purposes": {"enabled": enabled, "disabled": disabled}}
    return _b64(said)


def _hub(analytics: bool) -> str:
    categories = [{"id": "analytics", "value": analytics}, {"id": "marketing", "value": False}]
    return _b64(
        {
            "answered": True,
            "timestamp": "2026-11-22T07:00:00.000Z",
            "allAllowed": False,
            "categories": categories,
        }
    )


STATISTIC, MARKETING = "cookie_cat_statistic", "cookie_cat_marketing"
Cookies = list[tuple[str, str]]
# Refusals, as a whole and in part: the platform, its cookies, and which of them is tampered with.
REFUSALS: list[tuple[str, str, Cookies]] = [
    ("cookiebot, all", "cookiebot", [("CookieConsent", COOKIEBOT.format("false", "false"))]),
    ("cookiebot, partly", "cookiebot", [("CookieConsent", COOKIEBOT.format("true", "false"))]),
    ("cookie_information, all", "cookie_information", [("CookieInformationConsent", _information([], [STATISTIC, MARKETING]))]),
    ("cookie_information, partly", "cookie_information", [("CookieInformationConsent", _information([STATISTIC], [MARKETING]))]),
    ("onetrust, all", "onetrust", [("OptanonConsent", ONETRUST.format(0, 0)), CLOSED]),
    ("onetrust, partly", "onetrust", [("OptanonConsent", ONETRUST.format(1, 0)), CLOSED]),
    ("cookieyes, all", "cookieyes", [("cookieyes-consent", COOKIEYES.format("no", "no"))]),
    ("cookieyes, partly", "cookieyes", [("cookieyes-consent", COOKIEYES.format("yes", "no"))]),
    ("complianz", "complianz", [("cmplz_marketing", "deny"), ("cmplz_statistics", "allow"), ("cmplz_banner-status", "dismissed")]),
    ("didomi, all", "didomi", [("didomi_token", _didomi([], ["cookies", "create_ads_profile", "analytics"]))]),
    ("didomi, partly", "didomi", [("didomi_token", _didomi(["analytics"], ["cookies", "create_ads_profile"]))]),
    ("axeptio", "axeptio", [("axeptio_cookies", _json({"$$completed": True, "google_analytics": True, "facebook_pixel": False}))]),
    ("iubenda", "iubenda", [("_iub_cs-1234567", _json({"purposes": {"1": True, "4": True, "5": False}}))]),
    ("vanilla_cookieconsent", "vanilla_cookieconsent", [("cc_cookie", _json({"categories": ["necessary", "analytics"], "revision": 0}))]),
    ("klaro", "klaro", [("klaro", _json({"google-analytics": True, "meta": False}))]),
    ("orejime", "orejime", [("eu-consent", "{%22analytics%22:true%2C%22marketing%22:false}")]),
    ("c15t, all", "c15t", [("c15t", f"c.necessary:1,i.t:{AT},i.sid:sub_1")]),
    ("c15t, partly", "c15t", [("c15t", f"c.necessary:1,c.measurement:1,i.t:{AT},i.sid:sub_1")]),
    ("tarteaucitron", "tarteaucitron", [("tarteaucitron", "!gtag=true!facebookpixel=false")]),
    ("cookiehub", "cookiehub", [("cookiehub", _hub(True))]),
    ("cookie_script, all", "cookie_script", [("CookieScriptConsent", _json({"action": "reject", "categories": "[]"}))]),
    ("cookie_script, partly", "cookie_script", [("CookieScriptConsent", _json({"action": "accept", "categories": '["performance"]'}))]),
    ("cookie_law_info", "cookie_law_info", [("cookielawinfo-checkbox-advertisement", "no"), ("cookielawinfo-checkbox-analytics", "yes"), ("viewed_cookie_policy", "yes")]),
    ("civic", "civic", [("CookieControl", '{"optionalCookies":{"analytics":"accepted","marketing":"revoked"},"interactedWith":true}')]),
    ("commanders_act", "commanders_act", [("TC_PRIVACY", f"1@041@2%2C3@20@{AT}@")]),
]  # fmt: skip
# One flag is one character there, so that a refusal with that character turned is a grant. No reader can tell.
ONE_CHARACTER = {"onetrust", "c15t"}
refusals = pytest.mark.parametrize(
    ("family", "cookies"), [row[1:] for row in REFUSALS], ids=[row[0] for row in REFUSALS]
)


def signals(family: str, cookies: Cookies) -> Signals:
    """Return what is read."""
    return read_cookies(family, cookies, NOW_MS).said.signals


def raised(before: Signals, after: Signals) -> bool:
    """Tell whether something is granted that was not."""
    pairs = zip(before.values(), after.values(), strict=True)
    return any(new is Value.GRANTED and old is not Value.GRANTED for old, new in pairs)


@refusals
def test_the_samples_refuse_something(family: str, cookies: Cookies) -> None:
    """Otherwise the properties below would show nothing."""
    assert Value.DENIED in signals(family, cookies).values()


@refusals
def test_a_refusal_that_was_cut_off_anywhere_grants_nothing_more(family: str, cookies: Cookies) -> None:
    """At every byte, at the end and at the beginning."""
    before = signals(family, cookies)
    name, value = cookies[0]
    for cut in range(len(value) + 1):
        for rest in (value[:cut], value[cut:]):
            assert not raised(before, signals(family, [(name, rest), *cookies[1:]]))


@refusals
def test_a_refusal_with_one_bit_turned_grants_nothing_more(family: str, cookies: Cookies) -> None:
    """At every bit of every byte. Where a flag is a single character, the flags themselves are left out."""
    before = signals(family, cookies)
    name, value = cookies[0]
    turned = 0
    for position, letter in enumerate(value):
        if family in ONE_CHARACTER and letter in "01":
            continue
        for bit in range(7):
            other = value[:position] + chr(ord(letter) ^ (1 << bit)) + value[position + 1 :]
            turned += 1
            assert not raised(before, signals(family, [(name, other), *cookies[1:]]))
    assert turned > 10


@refusals
def test_a_refusal_beside_another_cookie_of_its_name_grants_nothing(family: str, cookies: Cookies) -> None:
    """Whichever comes first."""
    name, value = cookies[0]
    for other in ("allow", "yes", value + "x", value[:-1] or "x"):
        assert not read_cookies(family, [*cookies, (name, other)], NOW_MS).said.readable
        assert not read_cookies(family, [(name, other), *cookies], NOW_MS).said.readable


NAMES = {
    family.name: [*family.cookies, *family.also, *(f"{p}1234567" for p in family.prefixes)]
    for family in FAMILIES
}
WORDS = st.sampled_from(
    [
        *"{}[]:,'\"%&=!@.+-_01 ",
        "true",
        "false",
        "%22",
        "%7B",
        "%2C",
        "yes",
        "allow",
        "analytics",
        "marketing",
        "null",
    ]
)
NOISE = st.one_of(
    st.text(max_size=60),
    st.lists(WORDS, max_size=30).map("".join),
    st.binary(max_size=60).map(lambda b: b.decode("latin-1")),
).filter(lambda text: text not in {"yes", "allow", "true"})  # a lone word is no noise: it is what some write


@pytest.mark.parametrize("family", [family.name for family in FAMILIES])
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(values=st.lists(NOISE, min_size=4, max_size=4))
def test_noise_never_raises_and_never_grants(family: str, values: list[str]) -> None:
    """Not an error, and not a yes by accident."""
    cookies = list(zip(NAMES[family], values, strict=False))
    for which in (family, AUTO):
        assert Value.GRANTED not in signals(which, cookies).values()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)
KEYS = st.sampled_from(
    ["purposes", "vendors", "categories", "consents_approved", "timestamp", "updated", "$$completed", "$$date", "action",
     "optionalCookies", "interactedWith", "consentDate", "consentExpiry", "answered", "allAllowed", "expirationTime"]
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(said=st.dictionaries(KEYS, JSON, max_size=6))
def test_json_of_any_shape_never_raises(said: dict[str, object]) -> None:
    """Every type may stand where another is expected."""
    try:
        plain = json.dumps(said)
    except ValueError:
        assume(False)
        return
    packed = base64.b64encode(plain.encode()).decode()
    for family in FAMILIES:
        for name in NAMES[family.name]:
            for value in (plain, quote(plain, safe=""), packed):
                read_cookies(family.name, [(name, value), CLOSED], NOW_MS)


@settings(max_examples=200, deadline=None)
@given(
    text=st.one_of(
        st.text(max_size=40),
        st.lists(st.sampled_from([*"%=0aF2B\x00 ~é", "%3D", "%22", "%C3%A5"])).map("".join),
    )
)
@example(text="%=41")
@example(text="%\r\n")
@example(text="=3D%3D")
@example(text="%C3%A5")
def test_escapes_are_undone_as_the_standard_library_does_or_not_at_all(text: str) -> None:
    """The fast way and the slow way agree; what is malformed is not guessed at."""
    try:
        plain = unescape(text)
    except GarbledError:
        return
    assert plain == unquote(text, errors="strict")
