"""``sayso status``: true counts at any moment, and the vendor's own words."""

import time
from pathlib import Path

from proxy.entry import Entry, encode
from proxy.store.client import Store
from proxy.store.keys import partition_keys
from proxy.store.outbox import Outbox, Put
from tests.support.delivery import SITE, Scene, link, site_of
from tests.support.events import cookieless_event
from tests.support.operating import Operator
from tests.support.telling import Telling
from tests.support.vendor import Reply
from tests.support.waiting import wait_until

HOUR_MS = 3_600_000
COUNTS = ("received", "delivered", "dropped", "rejected", "expired", "pending")


async def test_a_fresh_store_has_nothing_and_that_adds_up(operator: Operator) -> None:
    """Every configured forwarder is there from the beginning, and it is said that nothing is sent."""
    body = await operator.tells("status")
    assert body["delivery_processes"] == 0
    assert body["adds_up"] is True
    assert [(one["site"], one["forwarder"]) for one in body["forwarders"]] == [
        ("shop", "vendor"),
        ("shop", "other"),
    ]
    for one in body["forwarders"]:
        assert one["state"] == "stopped"
        assert [one[name] for name in COUNTS] == [0] * 6
    assert "no delivering process is alive" in await operator.says("status")


async def test_every_ending_is_counted_and_the_sum_adds_up(operator: Operator, store: Store) -> None:
    """Delivered, dropped, rejected, expired and pending together are what was received."""
    now_ms = time.time_ns() // 1_000_000
    async with Scene(store, site_of(link(Telling()))) as scene:
        scene.vendor.queue = [Reply(json={"verdict": "delivered", "refused": {"1": "no such currency"}})]
        await scene.full("good", "bad")
        await scene.full("old", time_ms=now_ms - 73 * HOUR_MS)
        await scene.outbox.put([Put("x", False, SITE, [("vendor", "drop|bot", None)])])
        before = await operator.row()
        assert [before[name] for name in COUNTS] == [4, 0, 1, 0, 0, 3]
        assert before["adds_up"] is True
        delivery = await scene.work()
        await scene.settled(
            delivered_accepted=1, rejected_vendor_rejected=1, expired_too_old=1, dropped_bot=1
        )
        after = await operator.row()
        assert [after[name] for name in COUNTS] == [4, 1, 1, 1, 1, 0]
        assert after["adds_up"] is True
        assert after["state"] == "running"
        assert after["dead_letters"] == 1
        assert "1 delivering process alive" in await operator.says("status")
        await delivery.stop()
        assert (await operator.row())["state"] == "stopped"


async def test_a_sum_that_does_not_add_up_is_said_to_be_wrong(operator: Operator, store: Store) -> None:
    """It is worked out, not asserted."""
    async with Scene(store, site_of(link())) as scene:
        await scene.full("e0")
        await store.guarded(
            store.redis.hincrby(partition_keys(0).counts, f"o|{SITE}|vendor|delivered|accepted", 1)
        )
        assert (await operator.row())["adds_up"] is False
        assert (await operator.row("other"))["adds_up"] is True
        assert "THE SUM DOES NOT ADD UP for shop vendor" in await operator.says("status")


async def test_a_forwarder_that_the_vendor_has_refused_is_shown_with_its_words(
    operator: Operator, store: Store
) -> None:
    """An operator sees at once what to mend, and how old what waits is."""
    async with Scene(store, site_of(link(Telling()))) as scene:
        scene.vendor.answers["vendor.example"] = lambda _seen: Reply(403)
        await scene.full("e0", "e1")
        await scene.work()

        async def paused() -> bool:
            return bool((await operator.row())["state"] == "paused")

        await wait_until(paused, what="a pause in the status")
        row = await operator.row()
        assert row["paused_by"] == "vendor"
        assert "403" in row["words"]
        assert abs(row["since"] / 1000 - time.time()) < 60
        assert row["pending"] == 2
        assert 0 <= row["oldest_seconds"] < 60
        assert "shop vendor is paused by the vendor since" in await operator.says("status")


async def test_all_partitions_are_counted_together(tmp_path: Path, valkey_url: str, store: Store) -> None:
    """However many parts an outbox has."""
    operator = Operator(tmp_path, valkey_url, "partitions = 3")
    outbox = Outbox(store, partitions=3, most_entries=100, most_bytes=10**9)
    now_ms = time.time_ns() // 1_000_000
    entries = [Entry(cookieless_event(), f"ref-{number}", None, now_ms, 0, "v1") for number in range(12)]
    await outbox.put(
        [Put(one.ref, False, SITE, [("vendor", "cookieless|consent_denied", encode(one))]) for one in entries]
    )
    row = await operator.row()
    assert (row["received"], row["pending"], row["adds_up"]) == (12, 12, True)
    await outbox.close()


async def test_a_store_of_another_set_up_is_not_misread(
    tmp_path: Path, valkey_url: str, operator: Operator
) -> None:
    """Counts of one partition of several would be lies."""
    await operator.says("status")
    other = Operator(tmp_path, valkey_url, "partitions = 3")
    assert "partitions = 1" in await other.refused("status", status=1)
