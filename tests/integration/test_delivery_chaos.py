"""Everything goes wrong at once: what was accepted still ends once, and the sum holds at the end."""

import random
from typing import ClassVar

import pytest

from forwarders.base import Batch, Response, read_status
from forwarders.verdicts import Split, Verdict
from proxy.delivery.delivery import Delivery
from proxy.store.client import Store
from tests.support.delivery import Scene, TestForwarder, kill, link, site_of
from tests.support.own_valkey import Valkey
from tests.support.vendor import Reply, Seen
from tests.support.waiting import passed, wait_until


class Splitting(TestForwarder):
    """A vendor that refuses a whole batch over one event, and does not say which."""

    batch: ClassVar[Batch] = Batch(limit=8)

    def read(self, response: Response, count: int) -> Verdict:
        """Split on 400."""
        return Split("bad") if response.status == 400 else read_status(response)


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_whatever_goes_wrong_nothing_is_lost_or_counted_twice(own_valkey: Valkey, seed: int) -> None:
    """Workers die, the store restarts, visitors withdraw, the vendor fails in every way it can."""
    chance = random.Random(seed)  # noqa: S311  # no secret
    troubles = [500, 502, 429, 401, 408]
    taken: set[str] = set()

    def answer(seen: Seen) -> Reply:
        if chance.random() < 0.25:
            return chance.choice([*(Reply(status) for status in troubles), Reply(reset=True)])
        if seen.path == "/full" and b"bad" in seen.body:
            return Reply(400)
        taken.update(seen.json["ids"] if seen.path == "/full" else [dict(seen.query)["name"]])
        return Reply(json={})

    store = Store(own_valkey.url, patience_s=0.5)
    async with Scene(store, site_of(link(Splitting()))) as scene:
        scene.vendor.answers["vendor.example"] = answer
        workers: list[Delivery] = [await scene.work(f"w{number}") for number in range(2)]
        sent = 0
        for round_number in range(6):
            for _ in range(5):
                name = f"r{round_number}x{sent}"
                visitor = f"visitor-{chance.randrange(5)}"
                await scene.full(
                    *(f"{name}n{number}" for number in range(chance.randrange(1, 9))), visitor=visitor
                )
                await scene.ping(f"p{sent}")
                sent += 1
            await scene.full(f"bad{round_number}", visitor="visitor-9")
            await scene.decide("dddd", visitor=f"visitor-{round_number % 3}", mode="withdraw")
            await passed(chance.random() * 0.2)
            match round_number % 3:
                case 0:
                    await kill(workers.pop(0))
                    workers.append(await scene.work(f"w{round_number + 2}"))
                case 1:
                    own_valkey.stop()
                    await passed(0.1)
                    own_valkey.start()
                    await wait_until(store.ping)
                case _:
                    stopping = workers.pop(0)
                    await stopping.stop()
                    workers.append(await scene.work(f"w{round_number + 2}"))
        chance.random = lambda: 1.0  # type: ignore[method-assign]  # from now on all is well

        async def empty() -> bool:
            return (await scene.account()).pending == 0

        await wait_until(empty, within_s=20)
        account = await scene.account()
        assert account.adds_up
        assert account.pending == 0
        assert account.received > 100
        assert account.outcomes.get("rejected|vendor_rejected") == 6
        assert sum(account.outcomes.values()) == account.outcomes["delivered|accepted"] + 6
        assert {f"p{number}" for number in range(sent)} <= taken
    await store.close()
