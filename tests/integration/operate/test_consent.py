"""``sayso consent``: what a privacy officer does for a visitor who has written a letter."""

import time

import pytest

from proxy.reasons import Decision
from proxy.store.client import Store
from proxy.store.keys import consent_key
from tests.support.delivery import SITE, Scene, link, site_of
from tests.support.operating import Operator
from tests.support.telling import Telling

VISITOR = "V" * 22
SIGNALS = ("analytics_storage", "ad_storage", "ad_user_data", "ad_personalization")


async def test_a_record_is_shown_as_it_is_stored(operator: Operator, store: Store) -> None:
    """At every site, or at one; the whole value of the cookie does as well as the id."""
    async with Scene(store, site_of(link())) as scene:
        await scene.decide("ggdu", visitor=VISITOR)
        shop, outlet = (await operator.tells("consent", "get", VISITOR))["records"]
        assert abs(shop.pop("decided_at") / 1000 - time.time()) < 60
        assert shop == {
            "site": "shop",
            "record": "found",
            "analytics_storage": "granted",
            "ad_storage": "granted",
            "ad_user_data": "denied",
            "ad_personalization": "unknown",
            "source": "test",
            "gpc": False,
            "policy_version": "v1",
            "proof": "",
            "tombstone": False,
        }
        assert outlet == {"site": "outlet", "record": "absent", **dict.fromkeys(SIGNALS, "unknown")}
        text = await operator.says("consent", "get", f"{VISITOR}.1795341600", "--site", "shop")
        assert "ad_user_data: denied" in text
        assert "outlet" not in text
        assert VISITOR not in text


async def test_looking_changes_nothing(operator: Operator, store: Store) -> None:
    """No record, and no session, is made by a question."""
    await operator.says("status")
    before = await store.guarded(store.redis.keys("*"))
    assert "no record" in await operator.says("consent", "get", VISITOR)
    await operator.says("consent", "withdraw", VISITOR, "--dry-run")
    assert sorted(await store.guarded(store.redis.keys("*"))) == sorted(before)


async def test_a_record_that_cannot_be_read_is_said_to_be_so(operator: Operator, store: Store) -> None:
    """And nothing of it is taken as granted."""
    await store.guarded(store.redis.hset(consent_key(SITE, VISITOR), "ad_storage", "perhaps"))
    described = await operator.tells("consent", "get", VISITOR, "--site", "shop")
    assert described["records"] == [{"site": "shop", "record": "unreadable"}]
    assert "unreadable" in await operator.says("consent", "get", VISITOR)


@pytest.mark.parametrize("otherwise", [Decision.DROP, Decision.COOKIELESS])
async def test_a_withdrawal_reaches_what_waits(operator: Operator, store: Store, otherwise: Decision) -> None:
    """A queued full entry is lowered or dropped; that of another visitor goes out."""
    async with Scene(store, site_of(link(Telling(), otherwise=otherwise))) as scene:
        for visitor in (VISITOR, "W" * 22):
            await scene.decide("gggg", visitor=visitor)
        await scene.full("mine", visitor=VISITOR)
        await scene.full("theirs", visitor="W" * 22)
        assert "is withdrawn at shop" in await operator.says("consent", "withdraw", VISITOR, "--site", "shop")
        await scene.work()
        if otherwise is Decision.DROP:
            await scene.settled(delivered_accepted=1, dropped_withdrawn=1)
        else:
            await scene.settled(delivered_accepted=2)
        assert scene.delivered_ids() == ["theirs"]
        (record,) = (await operator.tells("consent", "get", VISITOR, "--site", "shop"))["records"]
        assert [record[signal] for signal in SIGNALS] == ["denied"] * 4
        assert (record["tombstone"], record["source"]) == (True, "operator")


async def test_a_withdrawal_without_a_record_stands_all_the_same(operator: Operator, store: Store) -> None:
    """Whoever was tracked on legitimate interest has none; without a site it is withdrawn at every one."""
    async with Scene(store, site_of(link(Telling(), otherwise=Decision.DROP))) as scene:
        await scene.full("e0", visitor=VISITOR)
        assert await operator.tells("consent", "withdraw", VISITOR, "--dry-run") == {
            "withdrawn": [],
            "would_withdraw": ["shop", "outlet"],
        }
        assert (await operator.tells("consent", "withdraw", VISITOR))["withdrawn"] == ["shop", "outlet"]
        await scene.work()
        await scene.settled(dropped_withdrawn=1)
        assert scene.vendor.seen == []


@pytest.mark.parametrize("word", ["get", "withdraw"])
async def test_what_is_no_visitor_is_not_repeated(operator: Operator, word: str) -> None:
    """It may be somebody's name or address; an unknown site is named, with those that there are."""
    line = await operator.refused("consent", word, "kari@example.com")
    assert "kari" not in line
    assert "22 characters" in line
    assert "there are shop, outlet" in await operator.refused("consent", word, VISITOR, "--site", "shp")
