"""Where a visit came from, as its page says it: links as they are in the wild, and whatever strangers write into theirs."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from proxy.campaign import MOST, Campaign, campaign_of, tells
from proxy.clickids import CLICK_IDS
from proxy.scrub import scrub_text

HOST = "shop.example"
PAGE = f"https://{HOST}/"
GCLID = "Cj0KCQiA3sq6BhD2ARIsAJ8MRwXq"
FBCLID = "IwAR0abcDEF123_-xyz"


class TestTheAddress:
    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            (
                "utm_source=Newsletter&utm_medium=E-Mail&utm_campaign=H%C3%B8st+2026",
                Campaign("newsletter", "e-mail", "Høst 2026"),
            ),
            ("utm_source=news", Campaign("news", "")),
            ("utm_campaign=uke47", Campaign("", "", "uke47")),
            ("UTM_Source=News&Utm_Medium=CPC", Campaign("news", "cpc")),
            ("utm_source=a&utm_source=b", Campaign("a", "")),
            ("utm_source=google&utm_medium=cpc&utm_id=21034567890", Campaign("google", "cpc", "21034567890")),
            ("utm_source=meta&utm_id=120210123456780123&utm_campaign=vår", Campaign("meta", "", "vår")),
            ("utm_source=tema%20%20uke%0A47", Campaign("tema uke 47", "")),
            ("utm_source=%E2%80%AEnews", Campaign("news", "")),
            ("utm_source=" + "x" * 300, Campaign("x" * MOST, "")),
            ("utm_source=" + "lang-" * 60, Campaign("lang-" * 20, "")),
            ("utm_source=&utm_medium=", None),
            ("source=news&campaign=x", None),
        ],
    )
    def test_says_it_by_its_tags(self, query: str, expected: Campaign | None) -> None:
        assert campaign_of(f"{PAGE}?{query}", None, HOST) == expected

    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            (f"gclid={GCLID}", Campaign("google", "cpc")),
            ("gbraid=0AAAAA-abc&gad_source=1", Campaign("google", "cpc")),
            ("gad_source=1", Campaign("google", "cpc")),
            ("dclid=CIPpu4aQxI8DFe", Campaign("google", "display")),
            (f"dclid=CIPpu4aQxI8DFe&gclid={GCLID}", Campaign("google", "cpc")),
            ("srsltid=AfmBOorxyz1234", Campaign("google", "organic")),
            ("msclkid=aaaabbbbccccddddeeeeffff00001111", Campaign("bing", "cpc")),
            (f"fbclid={FBCLID}", Campaign("facebook", "social")),
            (f"fbclid={FBCLID}&gclid={GCLID}", Campaign("google", "cpc")),
            ("li_fat_id=30ea0e3b-2c9c-4a2d-8c8b-0c0c0c0c0c0c", Campaign("linkedin", "paid")),
            ("ttclid=E.C.P.abc", Campaign("tiktok", "paid")),
            ("mc_cid=a1b2c3d4e5&mc_eid=f6a7b8c9d0", Campaign("mailchimp", "email")),
            ("_gl=1*abc*_ga*MTIz", None),
            ("clickid=12345", None),
            ("gclid=undefined", None),
        ],
    )
    def test_says_whose_advertisement_was_clicked(self, query: str, expected: Campaign | None) -> None:
        assert campaign_of(f"{PAGE}?{query}", None, HOST) == expected

    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            (f"utm_source=partner&utm_medium=link&gclid={GCLID}", Campaign("partner", "link")),
            (f"utm_campaign=black-friday&gclid={GCLID}", Campaign("google", "cpc", "black-friday")),
            (f"utm_medium=paid-social&fbclid={FBCLID}", Campaign("facebook", "paid-social")),
            (f"utm_source=kari%40example.no&gclid={GCLID}", Campaign("google", "cpc")),
        ],
    )
    def test_says_more_by_its_tags_than_by_a_click(self, query: str, expected: Campaign) -> None:
        assert campaign_of(f"{PAGE}?{query}", "https://www.google.com/", HOST) == expected

    def test_no_click_id_is_left_in_what_is_said(self) -> None:
        query = "&".join(f"{name}=Zq7canary{number}xyz0123456789" for number, name in enumerate(CLICK_IDS))
        found = campaign_of(f"{PAGE}?{query}&utm_campaign=x", None, HOST)
        assert found is not None
        assert "canary" not in repr(found)


class TestTheReferrer:
    @pytest.mark.parametrize(
        ("referrer", "expected"),
        [
            ("https://www.google.com/", Campaign("google", "organic")),
            ("https://www.google.no/search?q=genser", Campaign("google", "organic")),
            ("https://google.co.uk/", Campaign("google", "organic")),
            ("https://www.google.com.br/", Campaign("google", "organic")),
            ("android-app://com.google.android.googlequicksearchbox/", Campaign("google", "organic")),
            ("https://www.bing.com/", Campaign("bing", "organic")),
            ("https://duckduckgo.com/", Campaign("duckduckgo", "organic")),
            ("https://no.search.yahoo.com/", Campaign("yahoo", "organic")),
            ("https://yandex.ru/", Campaign("yandex", "organic")),
            ("https://www.ecosia.org/", Campaign("ecosia", "organic")),
            ("https://mail.google.com/", Campaign("mail.google.com", "referral")),
            ("https://google.evil.example/", Campaign("google.evil.example", "referral")),
            ("https://notgoogle.com/", Campaign("notgoogle.com", "referral")),
            ("https://WWW.Blog.Example:8443/a/b?c=d", Campaign("blog.example", "referral")),
            ("http://user:pass@blog.example/", Campaign("blog.example", "referral")),
            ("https://shop.example.evil.test/", Campaign("shop.example.evil.test", "referral")),
            ("https://xn--blbr-roah.no/", Campaign("xn--blbr-roah.no", "referral")),
        ],
    )
    def test_says_who_linked(self, referrer: str, expected: Campaign) -> None:
        assert campaign_of(PAGE, referrer, HOST) == expected

    @pytest.mark.parametrize(
        "referrer",
        [
            None,
            "",
            f"https://{HOST}/cart",
            f"https://www.{HOST}/",
            f"https://kasse.{HOST}/",
            f"HTTPS://{HOST.upper()}/",
            f"http://{HOST}:8080/",
            "https://pay.klarna.com/eu/sessions/1",
            "https://api.vipps.no/dwo-api-application/v1/deeplink",
            "https://checkout.stripe.com/",
            "http://192.0.2.71/",
            "http://[2001:db8::1]/",
            "http://localhost:3000/",
            "about:client",
            "not a url",
            "https://",
        ],
    )
    def test_says_nothing_of_own_pages_errands_and_addresses(self, referrer: str | None) -> None:
        assert campaign_of(PAGE, referrer, HOST) is None

    def test_the_page_names_the_own_host_where_the_collector_has_another(self) -> None:
        assert (
            campaign_of("https://www.other.example/a", "https://other.example/b", "collect.example") is None
        )


class TestNames:
    @pytest.mark.parametrize(
        "text",
        [
            "ola.nordmann@example.no",
            "ola@localhost",
            "sale@home",
            "+47 912 34 567",
            "91234567",
            "4791234567",
            "41 23 45 67",
            "b2xhQG5vcmRtYW5uLm5v",
            "ola%2540example.no",
            "3f2504e0-4f89-11d3-9a0c-0305e82c3301",
            "192.0.2.71",
            "4111 1111 1111 1111",
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abcdefghijk",
        ],
    )
    def test_that_look_like_a_persons_are_refused_whole(self, text: str) -> None:
        quoted = text.replace("+", "%2B").replace(" ", "+").replace("@", "%40")
        url = f"{PAGE}?utm_source={quoted}&utm_medium=email&utm_campaign=før {quoted} etter"
        assert campaign_of(url, None, HOST) == Campaign("", "email")

    @pytest.mark.parametrize(
        "text",
        ["20261127", "uke-47-2026", "nyhetsbrev-2026-11-27", "21034567890", "dk_sok_brand|exact", "50% av"],
    )
    def test_of_campaigns_stay(self, text: str) -> None:
        url = f"{PAGE}?utm_campaign={text.replace('%', '%25').replace(' ', '+')}"
        assert campaign_of(url, None, HOST) == Campaign("", "", text)


_PIECES = st.lists(
    st.sampled_from(
        [
            *(
                "utm_source",
                "utm_medium",
                "utm_campaign",
                "utm_id",
                "gclid",
                "&",
                "=",
                "?",
                "#",
                "%",
                "+",
                "/",
                ":",
            ),
            *(
                "kari.nordmann@example.no",
                "%40",
                "@",
                "91234567",
                "+4791234567",
                " ",
                "\x00",
                "\u202e",
                "\ud800",
            ),
            *(
                "[redacted]",
                "news",
                "x" * 120,
                "b2xhQG5vcmRtYW5uLm5v",
                "İ" * 60,
                "https://",
                "www.google.com",
            ),
        ]
    )
    | st.text(max_size=8),
    max_size=30,
).map("".join)


@settings(max_examples=300, deadline=None)
@given(query=_PIECES, referrer=_PIECES | st.none(), host=_PIECES)
@example(query="utm_source=" + "a" * 96 + "@b.no", referrer=None, host=HOST)
@example(query="utm_source=kari%40nordmann.no", referrer="https://kari@nordmann.no", host="")
def test_whatever_comes_it_is_bounded_and_names_nobody(query: str, referrer: str | None, host: str) -> None:
    """It never raises; each text is short, printable, and none that the scrubber would redact anything in."""
    for url in (query, f"{PAGE}?{query}", None):
        found = campaign_of(url, referrer, host)
        if found is None:
            continue
        assert tells(url, referrer, host)
        for text in (found.source, found.medium, found.campaign):
            assert len(text) <= MOST
            assert text.isprintable()
            assert "@" not in text
            assert scrub_text(text) == text
        assert found.source == found.source.lower()
        assert found.medium == found.medium.lower()


@settings(max_examples=200, deadline=None)
@given(
    local=st.from_regex(r"[a-z][a-z0-9._+-]{0,20}", fullmatch=True),
    domain=st.from_regex(r"[a-z][a-z0-9-]{1,12}\.(no|com|se|dk)", fullmatch=True),
    tag=st.sampled_from(["utm_source", "utm_medium", "utm_campaign", "utm_id"]),
    at=st.sampled_from(["@", "%40", "%2540", "%252540"]),
    around=st.sampled_from(["{}", "a {} b", "to={}", "{},x", "x%20{}"]),
)
def test_no_address_passes_however_it_is_written(
    local: str, domain: str, tag: str, at: str, around: str
) -> None:
    """An e-mail address in a tag leaves that tag empty."""
    found = campaign_of(f"{PAGE}?{tag}={around.format(local + at + domain)}&utm_source_x=1", None, HOST)
    assert found is None or domain not in repr(found)
