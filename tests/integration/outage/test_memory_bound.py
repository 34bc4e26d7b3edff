"""At the bound of the store's memory: no new events, and everything that makes room or takes back goes on."""

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from proxy.assemble import connect
from proxy.delivery.states import pause, read_states, resume
from proxy.health import store_part
from proxy.metrics import EVENTS_INVALID
from proxy.reasons import Invalid, Outcome, OutcomeReason
from proxy.store.claims import Claims, End
from proxy.store.client import Store, script
from proxy.store.embedded import EmbeddedStore
from proxy.store.embedded_memory import allowed_memory, auto_bound
from proxy.store.keys import outbox_keys
from proxy.store.trouble import StoreFullError
from tests.support.delivery import Scene, link, site_of
from tests.support.own_valkey import Valkey
from tests.support.rig import DENY, GRANT, STATS, Rig, event, purchase, signals
from tests.support.waiting import wait_until

ALWAYS = ("asks", "due", "leave", "prepare", "settle", "write")
"""Scripts that must run at the bound."""


@pytest.fixture
async def rig(own_valkey: Valkey) -> AsyncIterator[Rig]:
    """Return a gateway on a store that a test may fill."""
    async with Rig(own_valkey.url) as rig:
        yield rig


def fill(store: Valkey) -> None:
    """Make the store be at its bound."""
    store.ask("CONFIG", "SET", "maxmemory", 1)


class TestTheGateway:
    async def test_new_events_are_refused_and_counted(self, rig: Rig, own_valkey: Valkey) -> None:
        counter = EVENTS_INVALID.labels("shop", Invalid.NOT_STORED.value)
        before = counter._value.get()
        fill(own_valkey)
        answer = await rig.post("/collect", {"events": [event(), event()]})
        assert (answer.status, answer.json["reason"]) == (503, "store_unavailable")
        assert int(answer.headers["Retry-After"]) == StoreFullError.retry_s
        assert counter._value.get() == before + 2
        assert await rig.counts() == {}

    async def test_a_visitors_no_is_taken(self, rig: Rig, own_valkey: Valkey) -> None:
        """By every route: withdrawn, refused, or denied in part."""
        one, two, three = rig.browser(), rig.browser(), rig.browser()
        for browser in (one, two, three):
            await browser.consent(GRANT)
        ids = [browser.id for browser in (one, two, three)]
        fill(own_valkey)
        assert (await one.withdraw()).status == 204
        assert (await two.consent(DENY)).status == 204
        assert (await three.consent({"ad_storage": "denied"})).status == 204
        assert [(await rig.record(one_id))["ad_storage"] for one_id in ids] == ["denied"] * 3
        assert (await rig.record(ids[0]))["tombstone"] == "1"
        assert signals(await three.state()) == {**GRANT, "ad_storage": "denied"}

    async def test_new_grants_are_not(self, rig: Rig, own_valkey: Valkey) -> None:
        """Else anybody could fill the store beyond its bound, one made-up visitor at a time."""
        fill(own_valkey)
        browser = rig.browser()
        assert (await browser.consent(STATS)).status == 503
        assert browser.id is None

    async def test_readiness_says_so(self, rig: Rig, own_valkey: Valkey) -> None:
        assert (await store_part(rig.store)())["store"].status == "ready"
        fill(own_valkey)
        part = (await store_part(rig.store)())["store"]
        assert part.status == "not_ready"
        assert "bound of its memory" in part.words

    async def test_a_process_can_start(self, rig: Rig, own_valkey: Valkey) -> None:
        """One that was restarted must be able to deliver, which is what makes room."""
        fill(own_valkey)
        store, key = await connect(rig.settings, own_valkey.url)
        assert key == rig.key
        await store.close()


class TestDelivery:
    async def test_it_drains_the_store_until_there_is_room_again(self, own_valkey: Valkey) -> None:
        """The bound is where it would be in life: a little below what the store holds."""
        store = Store(own_valkey.url)
        async with Scene(store, site_of(link())) as scene:
            titles = [f"n-{n}" for n in range(2000)]
            await scene.full(*titles, title="t" * 500)
            used = (await store.redis.info("memory"))["used_memory"]
            own_valkey.ask("CONFIG", "SET", "maxmemory", used - 200_000)
            with pytest.raises(StoreFullError):
                await scene.full("refused")
            await scene.work()

            async def drained() -> bool:
                return (await scene.account()).pending == 0

            await wait_until(drained, within_s=40, what="an empty outbox")
            account = await scene.account()
            assert account.outcomes == {"delivered|accepted": 2000}
            assert account.adds_up
            await scene.full("taken")
        await store.close()

    async def test_parking_burying_and_lowering_go_on(self, own_valkey: Valkey) -> None:
        """All of which write: what was taken back must not go out because the store is full."""
        store = Store(own_valkey.url)
        async with Scene(store, site_of(link())) as scene:
            await scene.decide("gggg")
            await scene.full("a", "b")
            await asyncio.sleep(0.01)
            fill(own_valkey)
            await scene.decide("dddd", mode="withdraw")
            await scene.work()

            async def drained() -> bool:
                return (await scene.account()).pending == 0

            await wait_until(drained, within_s=20, what="an empty outbox")
            assert await scene.count("w") == 2
            assert (await scene.account()).adds_up
        await store.close()

    async def test_dead_letters_are_bounded_by_number_too(self, own_valkey: Valkey) -> None:
        """A vendor that refuses everything must not fill the store for the others."""
        store = Store(own_valkey.url)
        async with Scene(store, site_of(link())) as scene:
            keys = outbox_keys(0, "shop", "vendor")
            async with store.redis.pipeline(transaction=False) as pipe:
                for _ in range(100_300):
                    pipe.xadd(keys.dead, {"e": "{}", "o": "rejected|vendor_rejected", "w": ""})
                await pipe.execute()
            await scene.full("one")
            claims = Claims(store, keys, site="shop", forwarder="vendor", worker="w")
            await claims.prepare()
            (one,) = await claims.new(10, block_ms=None)
            await claims.settle([End(one.id, Outcome.REJECTED, OutcomeReason.VENDOR_REJECTED, "no")])
            assert await store.redis.xlen(keys.dead) < 100_200
            assert (await scene.account()).adds_up
        await store.close()

    async def test_operators_can_pause_and_resume(self, own_valkey: Valkey) -> None:
        store = Store(own_valkey.url)
        fill(own_valkey)
        await pause(store, "shop", "vendor")
        async with Scene(store, site_of(link())) as scene:
            await scene.work()

            async def held() -> bool:
                states = await read_states(store, scene.clock.now_ms())
                return [(one.forwarder, one.state.value) for one in states] == [("vendor", "held")]

            await wait_until(held, what="the pause")
            await resume(store, "shop", "vendor", scene.clock.now_ms())

            async def gone() -> bool:
                return await read_states(store, scene.clock.now_ms()) == []

            await wait_until(gone, what="its end")
        await store.close()


@pytest.mark.parametrize("name", ALWAYS)
def test_a_script_that_must_run_at_the_bound_says_so(name: str) -> None:
    """Without that line a full store could not be drained."""
    assert script(name).text.startswith("#!lua flags=allow-oom\n")


def test_one_that_takes_new_events_does_not() -> None:
    """It is refused before it has written anything."""
    assert script("accept").text.startswith("#!lua\n")


class TestTheEmbeddedStore:
    async def test_it_has_the_bound_that_is_configured(self, tmp_path: Path) -> None:
        embedded = await EmbeddedStore.start(
            tmp_path / "data", durability="always", log=logging.getLogger("test"), max_memory=80 << 20
        )
        store = Store(f"unix://{embedded.socket}")
        try:
            found = await store.redis.config_get("maxmemory", "maxmemory-policy")
            assert found == {"maxmemory": str(80 << 20), "maxmemory-policy": "noeviction"}
        finally:
            await store.close()
            await embedded.stop()

    async def more(self, scene: Scene, taken: int) -> bool:
        """Put in 500 more; False if there is no room for them."""
        try:
            await scene.full(*(f"n-{taken + n}" for n in range(500)), title="t" * 900)
        except StoreFullError:
            return False
        return True

    async def test_beyond_it_nothing_is_taken_and_nothing_forgotten(self, tmp_path: Path) -> None:
        embedded = await EmbeddedStore.start(
            tmp_path / "data", durability="everysec", log=logging.getLogger("test"), max_memory=24 << 20
        )
        store = Store(f"unix://{embedded.socket}")
        try:
            async with Scene(store, site_of(link())) as scene:
                taken = 0
                while taken < 100_000 and await self.more(scene, taken):
                    taken += 500
                assert 1000 < taken < 100_000
                assert (await scene.account()).pending == taken
                assert (await store.redis.info("memory"))["used_memory"] < 32 << 20
        finally:
            await store.close()
            await embedded.stop()


class TestAuto:
    """Half of what the machine has, or of what the control groups allow."""

    def root(self, folder: Path, **files: str) -> Path:
        """Make a file system with these files; ``__`` stands for a slash."""
        for name, text in {"proc__meminfo": "MemTotal:        8388608 kB\n", **files}.items():
            path = folder / name.replace("__", "/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="ascii")
        return folder

    def test_of_a_machine(self, tmp_path: Path) -> None:
        assert auto_bound(self.root(tmp_path)) == 4 << 30

    def test_of_a_container(self, tmp_path: Path) -> None:
        root = self.root(tmp_path, proc__self__cgroup="0::/\n")
        (root / "sys/fs/cgroup").mkdir(parents=True)
        (root / "sys/fs/cgroup/memory.max").write_text("536870912\n", encoding="ascii")
        assert auto_bound(root) == 256 << 20

    def test_the_strictest_group_counts(self, tmp_path: Path) -> None:
        root = self.root(tmp_path, proc__self__cgroup="0::/shop.slice/sayso.service\n")
        inner = root / "sys/fs/cgroup/shop.slice/sayso.service"
        inner.mkdir(parents=True)
        (inner / "memory.max").write_text("max\n", encoding="ascii")
        (inner.parent / "memory.max").write_text("1073741824\n", encoding="ascii")
        assert allowed_memory(root) == 1 << 30

    def test_of_the_first_version_of_control_groups(self, tmp_path: Path) -> None:
        root = self.root(tmp_path, proc__self__cgroup="4:memory:/docker/abc\n0::/\n")
        mount = root / "sys/fs/cgroup/memory"
        mount.mkdir(parents=True)
        (mount / "memory.limit_in_bytes").write_text("2147483648\n", encoding="ascii")
        assert allowed_memory(root) == 2 << 30
        (mount / "memory.limit_in_bytes").write_text("9223372036854771712\n", encoding="ascii")
        assert allowed_memory(root) == 8 << 30


class TestAFullOutbox:
    async def test_by_default_the_others_go_on_and_it_is_counted(self, own_valkey: Valkey) -> None:
        async with Rig(own_valkey.url, delivery={"max_entries": 1}) as rig:
            browser = rig.browser()
            await browser.consent(GRANT)
            await purchase(browser)
            own_valkey.ask("DEL", "sayso:{p0}:out:shop:microsoft")
            await purchase(browser)
            counts = await rig.counts()
            assert counts["o|shop|meta|dropped|outbox_full"] == 1
            assert "o|shop|microsoft|dropped|outbox_full" not in counts

    async def test_with_refuse_the_client_is_told(self, own_valkey: Valkey) -> None:
        async with Rig(own_valkey.url, delivery={"max_entries": 1, "when_full": "refuse"}) as rig:
            browser = rig.browser()
            await browser.consent(GRANT)
            await purchase(browser)
            before = await rig.counts()
            answer = await browser.collect(event("purchase", event_id="later"))
            assert (answer.status, answer.json["reason"]) == (503, "store_unavailable")
            assert int(answer.headers["Retry-After"]) >= 10
            assert await rig.counts() == before
            for name in ("google_analytics", "google_ads", "meta", "microsoft"):
                own_valkey.ask("DEL", f"sayso:{{p0}}:out:shop:{name}")
            assert (await browser.collect(event("purchase", event_id="later"))).status == 204
            assert len(await rig.entries("shop", "meta")) == 1
