"""``sayso pause`` and ``sayso resume``: the operator's hands."""

import pytest

from proxy.delivery.backoff import State
from proxy.store.client import Store
from tests.support.delivery import Scene, link, site_of
from tests.support.operating import Operator
from tests.support.telling import Telling
from tests.support.vendor import Reply
from tests.support.waiting import wait_until


async def test_a_paused_forwarder_sends_nothing_and_another_goes_on(operator: Operator, store: Store) -> None:
    """Its entries are kept, and go when it is resumed."""
    links = (link(Telling()), link(Telling(), name="other"))
    async with Scene(store, site_of(*links)) as scene:
        delivery = await scene.work()
        assert "is paused" in await operator.says("pause", "shop", "vendor")
        await wait_until(lambda: delivery.states()[0].state is State.HELD)
        row = await operator.row()
        assert (row["state"], row["paused_by"]) == ("paused", "operator")
        await scene.full("e0", to="vendor")
        await scene.full("e1", to="other")
        await scene.settled("other", delivered_accepted=1)
        assert scene.delivered_ids() == ["e1"]
        assert (await operator.row())["pending"] == 1
        assert "is resumed" in await operator.says("resume", "shop", "vendor")
        await scene.settled("vendor", delivered_accepted=1)
        assert (await operator.row())["state"] == "running"


async def test_a_resumed_forwarder_tries_its_vendor_at_once(operator: Operator, store: Store) -> None:
    """Whoever has mended the token need not wait for the next trial."""
    async with Scene(store, site_of(link(Telling()))) as scene:
        scene.vendor.answers["vendor.example"] = lambda _seen: Reply(403)
        await scene.full("e0")
        delivery = await scene.work()
        await wait_until(lambda: delivery.states()[0].state is State.PAUSED)
        del scene.vendor.answers["vendor.example"]
        await operator.says("resume", "shop", "vendor")
        await scene.settled(delivered_accepted=1)


async def test_a_pause_counts_before_anybody_has_obeyed_it(operator: Operator) -> None:
    """It stands in the status at once, and it is said that no delivering process is there to obey."""
    assert "no delivering process is alive" in await operator.says("pause", "shop", "vendor")
    row = await operator.row()
    assert (row["state"], row["paused_by"]) == ("paused", "operator")
    await operator.says("resume", "shop", "vendor")
    assert (await operator.row())["state"] == "stopped"


@pytest.mark.parametrize("word", ["pause", "resume"])
async def test_a_dry_run_orders_nothing(operator: Operator, store: Store, word: str) -> None:
    """It says what would be done, and to what."""
    said = await operator.says(word, "shop", "vendor", "--dry-run")
    assert said == f"would {word} shop vendor, which is stopped with 0 pending\n"
    assert await store.guarded(store.redis.exists("sayso:orders")) == 0


@pytest.mark.parametrize("word", ["pause", "resume"])
async def test_what_is_not_configured_cannot_be_ordered(operator: Operator, word: str) -> None:
    """A typing mistake is said to be one, with what there is."""
    assert await operator.refused(word, "shp", "vendor") == (
        "sayso: there is no site shp; there are shop, outlet"
    )
    assert await operator.refused(word, "shop", "mta") == (
        "sayso: there is no forwarder mta at shop; there are vendor, other"
    )
    assert await operator.refused(word, "outlet", "vendor") == (
        "sayso: there is no forwarder vendor at outlet; there are none"
    )
