"""What ``/readyz`` says of each forwarder: whatever keeps its entries from going out degrades, in an operator's words."""

from proxy.admin import Part
from proxy.delivery.backoff import State
from proxy.delivery.states import pause, resume
from proxy.health import Outboxes, delivery_part
from proxy.store.client import Store
from tests.support.delivery import Scene, link, site_of
from tests.support.own_valkey import Valkey
from tests.support.vendor import Reply
from tests.support.waiting import wait_until


async def test_a_gateway_says_that_nobody_delivers(store: Store) -> None:
    """Events are taken all the same. Where delivery is in the same process, there is somebody."""
    site = site_of(link())
    apart, together = (delivery_part(store, [site], Outboxes(ours=ours)) for ours in (False, True))
    assert await apart() == {"shop.vendor": Part("degraded", "no process delivers")}
    assert await together() == {"shop.vendor": Part("ready")}
    async with Scene(store, site) as scene:
        await scene.work()

        async def ready() -> bool:
            return await apart() == {"shop.vendor": Part("ready")}

        await wait_until(ready, what="a worker that is seen")
    assert await apart() == {"shop.vendor": Part("degraded", "no process delivers")}


async def test_a_full_outbox_degrades(store: Store) -> None:
    """What comes now is dropped, or refused."""
    site = site_of(link())
    ask = delivery_part(store, [site], Outboxes(partitions=1, most_entries=2))
    async with Scene(store, site) as scene:
        await scene.ping("page_view")
        assert await ask() == {"shop.vendor": Part("ready")}
        await scene.ping("scroll")
        assert await ask() == {"shop.vendor": Part("degraded", "its outbox is full")}


async def test_who_has_paused_it_is_said(store: Store) -> None:
    """An operator, from the order on; else the vendor, with its words."""
    site = site_of(link())
    ask = delivery_part(store, [site])
    async with Scene(store, site) as scene:
        scene.vendor.queue = [Reply(401)] * 1000
        await scene.ping("page_view")
        delivery = await scene.work()
        await wait_until(lambda: delivery.states()[0].state is State.PAUSED)

        async def words() -> str:
            return (await ask())["shop.vendor"].words

        async def by_vendor() -> bool:
            return await words() == "paused: HTTP 401"

        await wait_until(by_vendor)
        await pause(store, "shop", "vendor")
        assert await words() == "paused by an operator: it sends nothing until it is resumed"
        await resume(store, "shop", "vendor", 1)
        await wait_until(by_vendor)


async def test_forwarders_are_not_listed_while_the_store_is_gone(own_valkey: Valkey) -> None:
    """Neither as well nor as not: nobody can know, and the store's own part says what matters."""
    store = Store(own_valkey.url)
    own_valkey.stop()
    assert await delivery_part(store, [site_of(link())], Outboxes(ours=False))() == {}
    await store.close()
