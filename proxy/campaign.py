"""Where a visit came from: source, medium and campaign, as the page's address or its referrer says. Pure.

Campaign names come from strangers' links, so each is bounded, freed of control characters, and refused whole if it looks
like something of a person. No click id is kept in them: that there is one only tells whose advertisement it was.

Sources: Google Analytics' own rules for ``utm_*`` and for its default channels; for click ids the vendors named in
``clickids``. A ``fbclid`` stands on every link that leaves Facebook, paid or not, so it says *social* and no more.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from proxy.clickids import CLICK_IDS, extract
from proxy.scrub import MARK, decodings, holds_personal_data, scrub_text
from proxy.urls import origin_of, utm_params

MOST: Final = 100
"""Characters of a source, a medium and a campaign, each."""


@dataclass(frozen=True, slots=True)
class Campaign:
    """Where a visit came from. Each text has at most ``MOST`` characters; those that were not said are empty.

    ``source`` and ``medium`` are lower-case.
    """

    source: str
    medium: str
    campaign: str = ""


_PAID: Final = {
    "google": ("google", "cpc"),
    "microsoft": ("bing", "cpc"),
    "linkedin": ("linkedin", "paid"),
    "tiktok": ("tiktok", "paid"),
    "x": ("x", "paid"),
    "pinterest": ("pinterest", "paid"),
    "snap": ("snapchat", "paid"),
    "reddit": ("reddit", "paid"),
    "quora": ("quora", "paid"),
    "taboola": ("taboola", "paid"),
    "outbrain": ("outbrain", "paid"),
    "nextdoor": ("nextdoor", "paid"),
    "yandex": ("yandex", "cpc"),
    "meta": ("facebook", "social"),
    "impact": ("impact", "affiliate"),
    "klaviyo": ("klaviyo", "email"),
    "mailchimp": ("mailchimp", "email"),
    "hubspot": ("hubspot", "email"),
    "marketo": ("marketo", "email"),
    "eloqua": ("eloqua", "email"),
}
"""By vendor, strongest first: a click on an advertisement says more than a link that was shared."""
_RANK: Final = {vendor: rank for rank, vendor in enumerate(_PAID)}
_FREE: Final = {"srsltid": ("google", "organic"), "dclid": ("google", "display")}
"""Ids of Google's that stand for no paid search: of a free product listing, of a display advertisement."""
# Left behind by a vendor's own script on the page: that says nothing of where the visit came from.
_NO_CLICK: Final = frozenset(
    "_gl _ga _gac gac _openstat __hssc __hstc __hsfp gclaw gcldc gclha gclgf gclgb gclgs gclag".split()
)

_GOOGLE: Final = re.compile(r"(?:(?:www|m|images)\.)?google\.(?:[a-z]{2,3}|com?\.[a-z]{2})")
_YANDEX: Final = re.compile(r"(?:(?:www|m)\.)?yandex\.(?:[a-z]{2,3}|com\.[a-z]{2})")
_YAHOO: Final = re.compile(r"(?:[a-z]{1,4}\.)*search\.yahoo\.(?:com|co\.jp)")
_ENGINES: Final = {
    "bing.com": "bing",
    "cn.bing.com": "bing",
    "duckduckgo.com": "duckduckgo",
    "html.duckduckgo.com": "duckduckgo",
    "lite.duckduckgo.com": "duckduckgo",
    "ecosia.org": "ecosia",
    "qwant.com": "qwant",
    "lite.qwant.com": "qwant",
    "startpage.com": "startpage",
    "search.brave.com": "brave",
    "kagi.com": "kagi",
    "kvasir.no": "kvasir",
    "mojeek.com": "mojeek",
    "swisscows.com": "swisscows",
    "metager.org": "metager",
    "metager.de": "metager",
    "ya.ru": "yandex",
    "baidu.com": "baidu",
    "m.baidu.com": "baidu",
    "search.naver.com": "naver",
    "m.search.naver.com": "naver",
    "search.seznam.cz": "seznam",
    "search.aol.com": "aol",
    "ask.com": "ask",
    "com.google.android.googlequicksearchbox": "google",
    "com.google.android.apps.searchlite": "google",
    "com.microsoft.bing": "bing",
    "com.duckduckgo.mobile.android": "duckduckgo",
}
"""Hosts without ``www.``, and Android's names of search apps."""
# Where a shop sends its own visitors to pay or to show who they are. They come back; they do not come from there.
_ERRANDS: Final = (
    "klarna.com",
    "vipps.no",
    "vippsmobilepay.com",
    "mobilepay.dk",
    "mobilepay.fi",
    "swish.nu",
    "paypal.com",
    "stripe.com",
    "adyen.com",
    "nets.eu",
    "dibspayment.eu",
    "swedbankpay.com",
    "payex.com",
    "quickpay.net",
    "worldline-solutions.com",
    "mollie.com",
    "bankid.no",
    "bankid.com",
    "criipto.id",
)
# Eight digits of a Norwegian mobile that stand by themselves have no other form than an article number's.
_MOBILE: Final = re.compile(r"(?<![0-9A-Za-z])(?:(?:\+|00)?47)?[49][0-9]{7}(?![0-9A-Za-z])")
_UUID: Final = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
_SIGN: Final = re.compile(rf"[?&](?:utm_|(?:{'|'.join(sorted(CLICK_IDS))})=)", re.IGNORECASE)
_HOST: Final = re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*\.[a-z][a-z0-9-]*")


def tells(url: str | None, referrer: str | None, host: str) -> bool:
    """Tell, cheaply, whether a page could say where its visitor came from. No means no.

    Args:
        url: the page's address, as it was reported.
        referrer: where it was linked from, as it was reported.
        host: the site's own host, as the page's address would name it.
    """
    if url and "?" in url and _SIGN.search(url) is not None:
        return True
    return referrer is not None and not referrer.startswith((f"https://{host}/", f"http://{host}/"))


def campaign_of(url: str | None, referrer: str | None, host: str) -> Campaign | None:
    """Say where a page's visitor came from, as far as the page itself tells.

    ``utm_source``, ``utm_medium`` and ``utm_campaign`` of its address (``utm_id`` where that last is missing); where they
    name no source, the advertiser whose click id the address holds; without either a search engine or another website
    as the referrer.

    Args:
        url: the page's address, as it was reported.
        referrer: where it was linked from, as it was reported.
        host: the site's own host, with or without a port.

    Returns:
        None if nothing of it is told: own pages and payment services are no source.
    """
    return campaign_in(url, referrer, host) if tells(url, referrer, host) else None


def campaign_in(url: str | None, referrer: str | None, host: str) -> Campaign | None:
    """As ``campaign_of``, of a page of which ``tells`` has said yes."""
    source = medium = campaign = ""
    if url and "?" in url:
        told = utm_params(url)
        if told:
            source = _name(told.get("utm_source", ""), lower=True)
            medium = _name(told.get("utm_medium", ""), lower=True)
            campaign = _name(told.get("utm_campaign", "")) or _name(told.get("utm_id", ""))
        if not source and (clicked := _clicked(url)) is not None:
            source, medium = clicked[0], medium or clicked[1]
    if not (source or medium or campaign):
        return _from_referrer(referrer, url, host) if referrer else None
    return Campaign(source, medium, campaign)


def _name(told: str, *, lower: bool = False) -> str:
    """Return a name as it may be kept; empty if it is, or holds, anything that looks like a person's."""
    if len(told) > MOST:
        return _text(told, lower=lower)
    return _short(told, lower=lower) if told else ""


def _text(told: str, *, lower: bool) -> str:
    text = " ".join(told.split())
    if not text.isprintable():
        text = "".join(filter(str.isprintable, text))
    if not text or _is_personal(text):
        return ""
    short = (text.lower() if lower else text)[:MOST].rstrip()
    return short if short == text or not _is_personal(short) else ""


# A campaign sends many visitors, and all of them bring the same few names.
_short = lru_cache(maxsize=2048)(_text)


def _is_personal(text: str) -> bool:
    if MARK in text or any("@" in level for level in decodings(text)) or _UUID.search(text) is not None:
        return True
    return (
        _MOBILE.search(text) is not None
        or scrub_text(text) != text
        or any(map(holds_personal_data, text.split(" ")))
    )


def _clicked(url: str) -> tuple[str, str] | None:
    """Return whose click id a page's address holds."""
    best: tuple[str, str] | None = None
    rank = len(_RANK)
    for name in extract(url):
        if name in _NO_CLICK:
            continue
        if name in _FREE:
            best = best or _FREE[name]
            continue
        vendor = CLICK_IDS[name]
        if _RANK.get(vendor, rank) < rank:
            best, rank = _PAID[vendor], _RANK[vendor]
    return best


def _from_referrer(referrer: str, url: str | None, host: str) -> Campaign | None:
    there = _host(origin_of(referrer))
    if not there or len(there) > MOST or _HOST.fullmatch(there) is None or _is_personal(there):
        return None  # nameless (an address is no name), or nobody's
    if _same(there, bare_host(host)) or (url and _same(there, _host(origin_of(url)))):
        return None
    engine = _ENGINES.get(there)
    if engine is None:
        engine = (
            "google"
            if _GOOGLE.fullmatch(there)
            else "yandex"
            if _YANDEX.fullmatch(there)
            else "yahoo"
            if _YAHOO.fullmatch(there)
            else None
        )
    if engine is not None:
        return Campaign(engine, "organic")
    if any(there == errand or there.endswith("." + errand) for errand in _ERRANDS):
        return None
    return Campaign(there, "referral")


def _host(origin: str | None) -> str:
    """Return the host of an origin, without port and ``www.``; empty if there is none."""
    return bare_host(origin.partition("://")[2]) if origin else ""


def bare_host(authority: str) -> str:
    """Return a host, lower-case, without its port, a final dot and ``www.``."""
    host = authority.lower()
    if not host.startswith("["):
        host = host.partition(":")[0]
    return host.rstrip(".").removeprefix("www.")


def _same(one: str, other: str) -> bool:
    """Tell whether two hosts are one website's: the same, or one below the other."""
    return bool(other) and (one == other or one.endswith("." + other) or other.endswith("." + one))
