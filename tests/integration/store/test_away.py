"""How long is waited for a store that is away: as long as a restart takes at first, then for a moment; and never in vain."""

import asyncio
import time

import aiohttp
import pytest

from proxy.gateway.room import Room
from proxy.store.client import Store, StoreUnavailableError, script
from proxy.store.opener import BRIEF_S
from proxy.store.trouble import StoreFullError, code_of, in_words
from tests.support.own_valkey import Valkey
from tests.support.rig import ORIGIN, Rig, event
from tests.support.waiting import passed, wait_until

WRITE = script("write")


async def write(store: Store) -> str:
    """Write something; return "" or what is said of the failure."""
    try:
        await store.run(WRITE, ["k"], ["SET", "v"])
    except StoreUnavailableError as error:
        return str(error)
    return ""


async def timed(store: Store) -> tuple[str, float]:
    """Write something; return what is said, and how long it took."""
    began = time.monotonic()
    return await write(store), time.monotonic() - began


class TestPatience:
    async def test_at_first_a_restart_is_waited_for(self, own_valkey: Valkey) -> None:
        store = Store(own_valkey.url, patience_s=20.0)
        assert await write(store) == ""
        own_valkey.stop()
        waiting = [asyncio.create_task(write(store)) for _ in range(20)]
        await passed(0.5)
        assert not any(task.done() for task in waiting)
        await asyncio.to_thread(own_valkey.start)
        assert await asyncio.gather(*waiting) == [""] * 20
        await store.close()

    @pytest.mark.parametrize("how", ["killed", "hung"])
    async def test_later_nobody_waits_for_more_than_a_moment(self, own_valkey: Valkey, how: str) -> None:
        """All who wait are held in memory."""
        store = Store(own_valkey.url, patience_s=3.0)
        assert await write(store) == ""
        (own_valkey.stop if how == "killed" else own_valkey.freeze)()
        said, first = await timed(store)
        assert "nobody listens" in said if how == "killed" else "does not answer" in said
        assert first > 2.5
        results = await asyncio.gather(*(timed(store) for _ in range(10)))
        assert all(said for said, _ in results)
        assert max(took for _, took in results) < 2.0  # a quarter of a second, on a machine that is not busy
        await store.close()

    async def test_the_first_success_ends_that(self, own_valkey: Valkey) -> None:
        store = Store(own_valkey.url, patience_s=1.0)
        assert await write(store) == ""
        own_valkey.stop()
        assert await write(store)
        assert await write(store)
        await asyncio.to_thread(own_valkey.start)
        assert await write(store) == ""
        own_valkey.freeze()
        _, took = await timed(store)
        assert took > 0.9, "a new outage is waited for as the first was"
        own_valkey.thaw()
        await store.close()

    async def test_a_server_slower_than_a_moment_is_not_given_up(self, own_valkey: Valkey) -> None:
        """Who waits only for a moment does not end the attempt to connect, which may take longer."""
        store = Store(own_valkey.url, patience_s=0.4)
        own_valkey.freeze()
        assert await write(store)
        waiting = asyncio.create_task(write(store))
        await passed(BRIEF_S * 2)
        assert await waiting
        own_valkey.thaw()

        async def well() -> bool:
            return await write(store) == ""

        await wait_until(well, what="an answer")
        await store.close()


class TestRefusals:
    async def test_what_will_not_pass_is_not_waited_for(self, own_valkey: Valkey) -> None:
        store = Store(own_valkey.url, patience_s=30.0)
        own_valkey.ask("REPLICAOF", "127.0.0.1", "1")
        assert "READONLY" in await write(store)
        own_valkey.ask("REPLICAOF", "NO", "ONE")
        assert await write(store) == ""
        own_valkey.ask("CONFIG", "SET", "maxmemory", 1)
        with pytest.raises(StoreFullError):
            await store.run(script("accept"), ["c", "g"], [1, 1, 1, 0, "", "", "", 1, 1, 0, 0])
        await store.close()

    async def test_a_replica_is_left_for_whoever_has_its_name_now(self, own_valkey: Valkey) -> None:
        """After a failover the same address leads to another server, but an open connection does not."""
        store = Store(own_valkey.url)
        assert await write(store) == ""
        own_valkey.ask("REPLICAOF", "127.0.0.1", "1")
        before = clients(own_valkey)
        assert "READONLY" in await write(store)
        own_valkey.ask("REPLICAOF", "NO", "ONE")
        assert await write(store) == ""
        assert before.isdisjoint(clients(own_valkey))
        await store.close()

    def test_errors_say_nothing_of_keys(self) -> None:
        """A server's words quote them, and with them a visitor's id."""
        assert code_of(Exception("WRONGTYPE of sayso:{shop:abc}:consent")) == "WRONGTYPE"
        assert code_of(Exception("something about sayso:{shop:abc}")) == "Exception"
        assert in_words("OOM") == "it has reached the bound of its memory (OOM)"
        assert in_words("NEVER_HEARD_OF") == "NEVER_HEARD_OF"


def clients(server: Valkey) -> set[str]:
    """Return the ids of the connections that run scripts."""
    found = server.ask("CLIENT", "LIST")
    lines = found if isinstance(found, list) else []
    return {one["id"] for one in lines if one["cmd"] in {"evalsha", "eval"}}


class TestWaiting:
    @pytest.mark.parametrize("bounds", [(1000, 200_000), (20, 1 << 30)], ids=["bytes", "requests"])
    async def test_what_may_wait_is_bounded(
        self, bounds: tuple[int, int], own_valkey: Valkey, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """When too much waits for a store that hangs, the rest is refused at once; none is left without an answer."""
        monkeypatch.setattr("proxy.gateway.collect.Room", lambda: Room(*bounds))
        async with Rig(own_valkey.url, patience_s=20.0) as rig:
            large = event(params={f"p{n}": "x" * 390 for n in range(25)})
            own_valkey.freeze()
            connector = aiohttp.TCPConnector(limit=0)
            async with aiohttp.ClientSession(connector=connector, headers={"Origin": ORIGIN}) as session:

                async def send() -> int:
                    async with session.post(f"{rig.url}/collect", json=large) as answer:
                        return answer.status

                sending = [asyncio.create_task(send()) for _ in range(60)]
                await wait_until(lambda: sum(task.done() for task in sending) >= 30, what="refusals")
                own_valkey.thaw()
                answers = await asyncio.gather(*sending)
            assert set(answers) == {204, 503}
            assert 10 <= answers.count(204) <= 20
            assert len(await rig.entries("shop", "google_analytics")) == answers.count(204)
