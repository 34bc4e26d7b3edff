"""What a forwarder leaves behind that was removed from the configuration: it is shown, and can be ended."""

from pathlib import Path

import pytest

from proxy.census import take_census
from proxy.reasons import Outcome
from proxy.store.claims import Claims, End
from proxy.store.client import Store
from proxy.store.keys import outbox_keys
from proxy.store.outbox import Outbox, Put
from tests.support.delivery import SITE, Scene, link, site_of
from tests.support.operating import Operator


async def bury(store: Store, forwarder: str, most: int = 100) -> None:
    """Let a vendor have refused what waits, as delivery settles it."""
    claims = Claims(store, outbox_keys(0, SITE, forwarder), site=SITE, forwarder=forwarder, worker="w")
    await claims.prepare()
    claimed = await claims.new(most, block_ms=None)
    await claims.settle([End(one.id, Outcome.REJECTED, "vendor_rejected", "no") for one in claimed])


async def test_what_it_has_left_is_in_the_status(operator: Operator, store: Store) -> None:
    """With its counts, and what becomes of it; one that has left nothing is not."""
    async with Scene(store, site_of(link())) as scene:
        await scene.full("e0", "e1", "e2", to="gone")
        await bury(store, "gone", most=1)
        row = await operator.row("gone")
        assert (row["state"], row["pending"], row["dead_letters"]) == ("removed", 2, 1)
        assert (row["received"], row["rejected"], row["adds_up"]) == (3, 1, True)
        assert (await operator.tells("status"))["adds_up"] is True
        assert "shop gone was removed from the configuration" in await operator.says("status")
        await operator.says("outbox", "discard", "shop", "gone")
        await operator.says("dead-letters", "discard", "--forwarder", "gone")
        rows = (await operator.tells("status"))["forwarders"]
        assert [one["forwarder"] for one in rows] == ["vendor", "other"]


async def test_a_removed_site_is_shown_likewise(tmp_path: Path, valkey_url: str, store: Store) -> None:
    """In all partitions."""
    operator = Operator(tmp_path, valkey_url, "partitions = 3")
    outbox = Outbox(store, partitions=3, most_entries=100)
    puts = [Put(f"ref-{number}", False, "closed", [("vendor", "full|granted", b"{}")]) for number in range(9)]
    await outbox.put(puts)
    await outbox.close()
    row = await operator.row("vendor", "closed")
    assert (row["state"], row["pending"], row["adds_up"]) == ("removed", 9, True)
    assert "discarded: 9 pending entries" in await operator.says("outbox", "discard", "closed", "vendor")


async def test_its_dead_letters_can_be_seen_and_discarded_but_not_retried(
    operator: Operator, store: Store
) -> None:
    """Nobody would send them; those of configured forwarders go on."""
    async with Scene(store, site_of(link())) as scene:
        await scene.full("e0", "e1", to="gone")
        await scene.full("e2")
        await bury(store, "gone")
        await bury(store, "vendor")
        letters = (await operator.tells("dead-letters", "list"))["dead_letters"]
        assert [one["forwarder"] for one in letters] == ["gone", "gone", "vendor"]
        first = letters[0]["id"]
        assert "shop/gone" in await operator.says("dead-letters", "show", first)
        assert "nobody would send it" in await operator.refused("dead-letters", "retry", first)
        assert await operator.tells("dead-letters", "retry", "--all") == {
            "retried": 1,
            "would_retry": 0,
            "outbox_full": 0,
            "removed": 2,
        }
        said = await operator.says("dead-letters", "retry", "--forwarder", "gone")
        assert said.startswith("retried: 0 dead letters pending again\n2 stay,")
        assert await operator.tells("dead-letters", "discard", first) == {"discarded": 1, "would_discard": 0}
        said = await operator.says("dead-letters", "discard", "--forwarder", "gone")
        assert said == "discarded: 1 dead letter\n"
        assert (await operator.tells("dead-letters", "list"))["dead_letters"] == []


class TestDiscardingWhatIsPending:
    async def test_it_is_counted_as_discarded_and_the_sum_holds(
        self, operator: Operator, store: Store
    ) -> None:
        """Also what a worker that is gone had claimed, and what waits to be tried again."""
        async with Scene(store, site_of(link())) as scene:
            await scene.full(*(f"e{number}" for number in range(450)), to="gone")
            claims = Claims(store, outbox_keys(0, SITE, "gone"), site=SITE, forwarder="gone", worker="w")
            await claims.prepare()
            await claims.new(10, block_ms=None)
            said = await operator.says("outbox", "discard", "shop", "gone", "--dry-run")
            assert said == "would discard 450 pending entries\n"
            assert await operator.tells("outbox", "discard", "shop", "gone", "--dry-run") == {
                "discarded": 0,
                "would_discard": 450,
            }
            assert (await scene.account("gone")).pending == 450
            assert await operator.tells("outbox", "discard", "shop", "gone") == {
                "discarded": 450,
                "would_discard": 0,
            }
            account = await scene.account("gone")
            assert account.outcomes == {"dropped|discarded": 450}
            assert (account.pending, account.adds_up) == (0, True)

    async def test_a_configured_forwarder_has_to_be_paused_first(
        self, operator: Operator, store: Store
    ) -> None:
        """What is under way would arrive, and be counted as discarded."""
        async with Scene(store, site_of(link())) as scene:
            await scene.full("e0")
            assert "sayso pause shop vendor first" in await operator.refused(
                "outbox", "discard", "shop", "vendor"
            )
            await operator.says("pause", "shop", "vendor")
            assert await operator.says("outbox", "discard", "shop", "vendor") == (
                "discarded: 1 pending entry\n"
            )
            row = await operator.row()
            assert (row["dropped"], row["pending"], row["adds_up"]) == (1, 0, True)

    async def test_what_there_is_not_is_said_to_be_so(self, operator: Operator) -> None:
        """Neither configured nor left behind."""
        assert "there is no forwarder gone" in await operator.refused("outbox", "discard", "shop", "gone")
        assert "there is no site shp" in await operator.refused("outbox", "discard", "shp", "vendor")


@pytest.mark.parametrize("word", ["pause", "resume"])
async def test_orders_answer_machines_too(operator: Operator, store: Store, word: str) -> None:
    """What was ordered, or would be, and how it stood."""
    async with Scene(store, site_of(link())) as scene:
        await scene.full("e0")
        base = {
            "site": "shop",
            "forwarder": "vendor",
            "was": "stopped",
            "pending": 1,
            "delivery_processes": 0,
        }
        would = {"ordered": None, "would_order": word}
        assert await operator.tells(word, "shop", "vendor", "--dry-run") == base | would
        assert await store.guarded(store.redis.exists("sayso:orders")) == 0
        done = {"ordered": word, "would_order": None}
        assert await operator.tells(word, "shop", "vendor") == base | done
        assert await store.guarded(store.redis.hlen("sayso:orders")) == 1


async def test_metrics_count_what_a_removed_forwarder_has_left(store: Store) -> None:
    """The sum is to hold for it in Prometheus, too."""
    async with Scene(store, site_of(link())) as scene:
        await scene.full("e0", "e1", to="gone")
        await bury(store, "gone", most=1)
        census = await take_census(store, [scene.site], 1)
        assert census.values["sayso_outbox_entries"]["shop", "gone"] == 1
        assert census.values["sayso_dead_letters"]["shop", "gone"] == 1
