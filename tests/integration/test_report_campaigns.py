"""Campaigns in the store: few are told apart, and a stranger who invents many neither fills it nor pushes out the large."""

import random
from collections import Counter
from typing import Any

import pytest

from proxy.campaign import Campaign
from proxy.report.read import read_report
from proxy.store.client import Store
from proxy.store.keys import campaigns_key
from tests.support.delivery import SITE, link, site_of
from tests.support.reported import TODAY, outbox, put

KEY = campaigns_key(0, SITE, "purchase", TODAY.isoformat())
DROP = "drop|consent_denied"
BRAND = Campaign("google", "cpc", "brand")
NEWS = Campaign("newsletter", "email", "november")


async def send(store: Store, campaigns: list[Campaign | None], **event: Any) -> None:
    """Put a conversion for each, a hundred at a time."""
    box = outbox(store)
    for begin in range(0, len(campaigns), 100):
        await box.put([put(DROP, campaign=one, **event) for one in campaigns[begin : begin + 100]])


async def shown(store: Store) -> dict[str, tuple[int, int, dict[str, int]]]:
    """Return what the report shows of each campaign: conversions, clicks and value; ``*`` for the others."""
    report = await read_report(store, site_of(link()), range(1), TODAY, TODAY, None)
    return {
        "*" if one.other else one.campaign or "-": (one.conversions, one.clicks, dict(one.value))
        for one in report.campaigns
    }


async def test_a_campaign_is_a_row_with_conversions_clicks_and_value(store: Store) -> None:
    """Counted apart, and added up."""
    await send(store, [BRAND, NEWS, BRAND], value=10.5, currency="NOK")
    await send(store, [BRAND], value=3, currency="EUR", url="https://shop.example/?gclid=Cj0Ktest")
    await send(store, [BRAND, None])
    assert await shown(store) == {
        "brand": (4, 1, {"NOK": 21_000, "EUR": 3_000}),
        "november": (1, 0, {"NOK": 10_500}),
        "-": (1, 0, {}),
    }


async def test_a_stranger_with_ten_thousand_campaigns_changes_little(store: Store) -> None:
    """The large ones stay and stay exact, memory does not grow, and nothing is lost from the sum."""
    chance = random.Random(7)  # noqa: S311  # test data, no secret
    true = {Campaign("google", "cpc", f"true {one}"): 12 + one for one in range(40)}
    sent: list[Campaign | None] = [Campaign("x", "y", f"invented {one:05d}") for one in range(10_000)]
    sent += [one for one, number in true.items() for _ in range(number)]
    sent += [None] * 5
    chance.shuffle(sent)
    first = [one for one in true for _ in range(3)]  # each is there before the stranger comes
    await send(store, [*first, *sent], value=2, currency="NOK")
    assert await store.redis.hlen(KEY) <= 401
    assert (await store.redis.memory_usage(KEY) or 0) < 60_000
    report = await read_report(store, site_of(link()), range(1), TODAY, TODAY, "purchase")
    assert report.conversions == len(sent) + len(first)
    assert report.value == {"NOK": 2000 * report.conversions}
    assert len(report.campaigns) == 201
    found = Counter({one.campaign: one.conversions for one in report.campaigns if not one.other})
    for one, number in true.items():
        assert found[one.campaign] == number + 3
    assert sum(one.conversions for one in report.campaigns) == report.conversions
    assert sum(one.value["NOK"] for one in report.campaigns) == report.value["NOK"]


async def test_conversions_without_any_campaign_are_never_among_the_others(store: Store) -> None:
    """However small their number is."""
    await send(store, [None])
    await send(store, [Campaign("x", "y", f"c{one % 900}") for one in range(1800)])
    assert (await shown(store))["-"] == (1, 0, {})


async def test_one_conversion_s_campaigns_do_not_push_out_another_s(store: Store) -> None:
    """What anybody may send, such as a sign-up, takes no room from purchases."""
    await send(store, [BRAND])
    box = outbox(store)
    for begin in range(0, 1000, 100):
        rows = [Campaign("x", "y", f"c{begin + one}") for one in range(100)]
        await box.put([put(DROP, name="sign_up", campaign=one) for one in rows])
    report = await read_report(store, site_of(link()), range(1), TODAY, TODAY, "purchase")
    assert [one.campaign for one in report.campaigns] == ["brand"]
    report = await read_report(store, site_of(link()), range(1), TODAY, TODAY, None)
    assert sum(one.conversions for one in report.campaigns) == 1001
    assert len(report.campaigns) == 201


async def test_a_campaign_has_few_currencies_and_the_rest_is_among_the_others(store: Store) -> None:
    """A row with every currency there is would be long, and be written anew with each conversion."""
    currencies = "NOK SEK DKK EUR USD GBP CHF PLN CZK HUF ISK JPY".split()
    for one in currencies:
        await send(store, [BRAND], value=1, currency=one)
    await send(store, [BRAND], value=1, currency="NOK")
    found = await shown(store)
    assert found["brand"][0] == 13
    assert found["brand"][2] == {**dict.fromkeys(currencies[:8], 1000), "NOK": 2000}
    assert found["*"] == (0, 0, dict.fromkeys(currencies[8:], 1000))


async def test_large_sums_stay_whole_numbers(store: Store) -> None:
    """A double counts exactly up to nine thousand million millions; more than that no campaign is worth."""
    await send(store, [BRAND] * 300, value=999_999_999.999, currency="IDR")
    report = await read_report(store, site_of(link()), range(1), TODAY, TODAY, None)
    assert report.value == {"IDR": 300 * 999_999_999_999}
    assert report.campaigns[0].value == report.value
    await send(store, [BRAND] * 9000, value=1_000_000_000, currency="IDR")
    assert (await shown(store))["brand"][2] == {"IDR": 9 * 10**15}


@pytest.mark.parametrize("most", [1, 2, 3])
async def test_with_hardly_any_room_sums_are_right_all_the_same(store: Store, most: int) -> None:
    """Each new campaign then makes room for itself."""
    box = outbox(store, most_campaigns=most)
    for one in range(50):
        await box.put([put(DROP, campaign=Campaign("s", "m", f"c{one % 7}"), value=1, currency="NOK")])
    found = await shown(store)
    assert sum(number for number, _, _ in found.values()) == 50
    assert sum(value.get("NOK", 0) for _, _, value in found.values()) == 50_000
