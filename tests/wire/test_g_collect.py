"""What Google's own tag reported, on its way on: the very bytes, with consent, without, and with less of it than before."""

from collections.abc import Mapping
from urllib.parse import urlencode

import pytest

from proxy.twin.faults import Fault
from proxy.twin.recorder import Recorded
from tests.support.events import STANZAS, USER_AGENT
from tests.support.leaks import Needles, forms_of, forms_of_address
from tests.support.rig import ADS, ORIGIN, Browser, site
from tests.support.waiting import wait_until
from tests.support.whole import StartWhole, Whole, bytes_of

ADDRESS = "203.0.113.77"
SITES = {"shop": site(forwarders={"google_analytics": STANZAS["google_analytics"]})}
PROXIES = {"trusted_proxies": ["127.0.0.0/8"]}
GRANTED = {"gcs": "G111", "gcd": "13r3r3r2r5l1", "npa": "0", "dma": "1", "dma_cps": "syphamo"}
DENIED = {"gcs": "G100", "gcd": "13q3q3q2q5l1", "npa": "1", "dma": "1", "dma_cps": "-"}
HASH = "qLx7vMkZtPwRnBdYcFhJgSaEuIo2468013579-_AbCd"

# Each with a mark of its own, by what it is.
MARKS = {
    "cid": "1957607842.1772467665",
    "sid": "1772467123",
    "page load": "1795341599377",
    "uid": "kunde-qzjx7wvk",
    "property": "gull-mfpd3rtw",
    "hash": HASH,
    "signals id": "gsidWQPLzxcv",
    "linker id": "1122334455.1795000001",
    "enhanced id": "1357924680",
    "parameter": "fri-hbnvs5ky",
    "model": "Model XKCDQ-77",
    "click": "Cj0KtestQWERTZ",
    "other click": "IwARtestASDFGH",
    "server": "sstvalueYXCVBN",
    "unknown": "ukjentPOIUZT",
    "cookie": "1029384756.1700000000",
    "other cookie": "sessionLKJHGF",
}
NEVER = {"other click", "server", "unknown", "cookie", "other cookie", "address"}
ON_ADS = {"uid", "property", "hash", "signals id", "linker id", "enhanced id", "click"}
OF_A_PING = {"cid", "sid", "page load", "parameter", "model", *ON_ADS, *NEVER}


def needles() -> Needles:
    """Have all marks looked for, in every form."""
    found = Needles()
    for name, mark in MARKS.items():
        found.add(name, forms_of(mark))
    found.add("address", forms_of_address(ADDRESS))
    return found


def seen(one: Recorded) -> set[str]:
    """Return which marks a request holds, plain, encoded or hashed."""
    return needles().names(bytes_of(one))


def query(consent: Mapping[str, str], **changes: object) -> str:
    """Return a purchase as the tag writes it, with a mark in everything that may hold one."""
    pairs = {
        "v": 2,
        "tid": "G-XXXXXXX",
        "gtm": "45je5b90v9123",
        "_p": MARKS["page load"],
        **consent,
        "cid": MARKS["cid"],
        "sid": MARKS["sid"],
        "sct": 2,
        "seg": 1,
        "_s": 1,
        "_et": 12,
        "ul": "nb-no",
        "sr": "1920x1080",
        "uam": MARKS["model"],
        "uafvl": f"Chromium;141.0.7390.55|X;{ADDRESS}",
        "dl": f"{ORIGIN}/thanks?gclid={MARKS['click']}&fbclid={MARKS['other click']}&ip={ADDRESS}",
        "dt": f"Takk {ADDRESS}",
        "en": "purchase",
        "cu": "NOK",
        "epn.value": 499,
        "ep.transaction_id": "T-1",
        "ep.note": MARKS["parameter"],
        "ep.ip": ADDRESS,
        "uid": MARKS["uid"],
        "up.tier": MARKS["property"],
        "em": f"tv.1~em.{HASH}",
        "ec_mode": "a",
        "ecid": MARKS["enhanced id"],
        "auid": MARKS["linker id"],
        "_gsid": MARKS["signals id"],
        "_uip": ADDRESS,
        "sst.rnd": MARKS["server"],
        "whatever": MARKS["unknown"],
        **changes,
    }
    return urlencode(pairs)


def visitor(whole: Whole) -> Browser:
    """Return a visitor behind a proxy, with cookies of the tag's and of others."""
    browser = whole.rig.browser()
    browser.headers |= {"X-Forwarded-For": ADDRESS, "Referer": f"{ORIGIN}/thanks?q=refererQWE"}
    browser.cookies |= {"_ga": f"GA1.1.{MARKS['cookie']}", "session": MARKS["other cookie"]}
    return browser


async def send(browser: Browser, consent: Mapping[str, str], **changes: object) -> None:
    """Send one hit."""
    answer = await browser.post(f"/g/collect?{query(consent, **changes)}")
    assert answer.status == 204, answer.body


async def test_a_consented_hit_goes_on_as_google_wants_it(start_whole: StartWhole) -> None:
    """The tag's own ids and words, our own statement of consent, a truncated address, and nothing around it."""
    whole = await start_whole(SITES, server=PROXIES)
    await send(visitor(whole), GRANTED)
    await whole.deliver()
    (one,) = await whole.quiet()
    assert one.errors == ()
    assert (one.method, one.path, one.request.body) == ("POST", "/g/collect", b"")
    assert {name for name, _ in one.request.headers} <= {
        "host",
        "user-agent",
        "content-length",
        "accept-encoding",
    }
    assert dict(one.request.headers)["user-agent"] == USER_AGENT
    params = one.params
    assert params.items() >= {
        ("cid", MARKS["cid"]),
        ("sid", MARKS["sid"]),
        ("gcs", "G111"),
        ("npa", "0"),
        ("_uip", "203.0.113.0"),
        ("uam", MARKS["model"]),
        ("uid", MARKS["uid"]),
        ("up.tier", MARKS["property"]),
        ("em", f"tv.1~em.{HASH}"),
        ("ep.note", MARKS["parameter"]),
        ("ep.ip", "[redacted]"),
        ("uafvl", "Chromium;141.0.7390.55|X;203.0.113.0"),
    }
    assert params["dl"] == f"{ORIGIN}/thanks?gclid={MARKS['click']}&ip=redacted"
    assert not seen(one) & NEVER
    assert not needles().names(whole.tee.sent) & NEVER


@pytest.mark.parametrize(
    "consent",
    [DENIED, {}, {"gcs": "G1--"}, {"gcd": "13l3l3l2l1l1", "npa": "1"}],
    ids=["denied", "silent", "unset", "consent mode not in use"],
)
async def test_without_consent_nothing_of_the_tags_leaves(
    start_whole: StartWhole, consent: Mapping[str, str]
) -> None:
    """A ping of our own making; two of them have nothing in common."""
    whole = await start_whole(SITES, server=PROXIES)
    browser = visitor(whole)
    await send(browser, consent)
    await send(browser, consent)
    await whole.deliver()
    first, second = await whole.quiet()
    for one in (first, second):
        assert (one.method, one.path, one.errors) == ("GET", "/g/collect", ())
        assert seen(one) & OF_A_PING == set()
        assert not {
            name for name in one.params if name.startswith(("up", "uid", "em", "ec", "sst", "_gsid", "auid"))
        }
        assert one.params["gcs"] == "G100"
        assert one.params["ep.transaction_id"] == "T-1"
    for own in ("cid", "_p"):
        assert first.params[own] != second.params[own]
    assert needles().names(whole.tee.sent) & OF_A_PING == set()


async def test_consent_that_cannot_be_read_lets_out_what_a_refusal_does(start_whole: StartWhole) -> None:
    """A ping that holds nothing of the visitor, where the site has those at all."""
    whole = await start_whole(SITES, server=PROXIES)
    await send(visitor(whole), {**GRANTED, "gcd": "garbage"})
    await whole.deliver()
    (one,) = await whole.quiet()
    assert (one.method, one.path, one.errors) == ("GET", "/g/collect", ())
    assert seen(one) & OF_A_PING == set()
    assert one.params["gcs"] == "G100"


async def test_a_withdrawal_lowers_a_hit_that_waits(start_whole: StartWhole) -> None:
    """Of what the tag said, nothing is left in what then goes out."""
    whole = await start_whole(SITES, server=PROXIES)
    browser = visitor(whole)
    await send(browser, GRANTED)
    assert (await browser.withdraw()).status == 204
    await whole.deliver()
    (one,) = await whole.quiet()
    assert (one.method, one.params["gcs"]) == ("GET", "G100")
    assert seen(one) & OF_A_PING == set()


async def test_refusing_advertising_takes_its_part_out_of_a_hit_that_waits(start_whole: StartWhole) -> None:
    """It goes on as a hit, without what stood on the ad signals, and says so."""
    whole = await start_whole(SITES, server=PROXIES)
    browser = visitor(whole)
    await send(browser, GRANTED)
    assert (await browser.consent(dict.fromkeys(ADS, "denied"))).status == 204
    await whole.deliver()
    (one,) = await whole.quiet()
    assert (one.method, one.path, one.errors) == ("POST", "/g/collect", ())
    assert (one.params["gcs"], one.params["npa"], one.params["dma_cps"]) == ("G101", "1", "-")
    assert seen(one) & (ON_ADS | NEVER) == set()
    assert one.params["cid"] == MARKS["cid"]


async def test_a_hit_that_waited_long_goes_with_its_time(start_whole: StartWhole) -> None:
    """By the Measurement Protocol: Google would take a hit for one of now."""
    whole = await start_whole(SITES, server=PROXIES)
    before = whole.rig.clock()
    await send(visitor(whole), GRANTED)
    whole.clock.ahead_ms = 16 * 60_000
    await whole.deliver()
    (one,) = await whole.quiet()
    assert (one.path, one.errors) == ("/mp/collect", ())
    assert one.json["client_id"] == MARKS["cid"]
    (event,) = one.json["events"]
    assert before <= event["timestamp_micros"] // 1000 <= whole.rig.clock()
    assert event["params"]["session_id"] == MARKS["sid"]
    assert not seen(one) & NEVER


async def test_a_hit_that_meets_an_outage_is_tried_again(start_whole: StartWhole) -> None:
    """As any other entry; the second try is no other than the first."""
    whole = await start_whole(SITES, server=PROXIES)
    whole.running.twin.fault("google_analytics", Fault(status=503, count=1))
    await send(visitor(whole), GRANTED)
    await whole.deliver()
    await wait_until(lambda: len(whole.seen()) == 2, within_s=20.0, what="a second try")
    failed, good = await whole.quiet()
    assert (failed.status, good.status) == (503, 204)
    assert failed.request.query == good.request.query


async def test_a_big_cart_leaves_in_the_body(start_whole: StartWhole) -> None:
    """With its event as one line, and no more of anybody than otherwise."""
    whole = await start_whole(SITES, server=PROXIES)
    items = {f"pr{n}": f"idSKU{n}~nmGenser nummer {n} i merinoull~pr249.5~qt1" for n in range(1, 181)}
    await send(visitor(whole), GRANTED, **items)
    await whole.deliver()
    (one,) = await whole.quiet()
    assert one.errors == ()
    assert dict(one.request.headers)["content-type"] == "text/plain;charset=UTF-8"
    (hit,) = one.request.batch
    assert hit["pr180"].startswith("idSKU180~nmGenser")
    assert (hit["en"], hit["cid"]) == ("purchase", MARKS["cid"])
    assert not seen(one) & NEVER
