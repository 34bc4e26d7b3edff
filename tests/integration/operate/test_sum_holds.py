"""The sum, whatever operators and delivery do to the same letters in whatever order."""

import random

import pytest

from proxy.operate.desk import Desk
from proxy.operate.kept import again, paged
from proxy.operate.letters import discard, letter_ids, retry
from proxy.operate.outboxes import Outbox
from proxy.operate.progress import silent
from proxy.operate.status import look
from proxy.reasons import Outcome
from proxy.settings import load_settings
from proxy.store.claims import Claims, End, Give, Kept, Operation, Park
from proxy.store.client import Store
from proxy.store.keys import outbox_keys
from tests.support.delivery import SITE, Scene, link, site_of
from tests.support.operating import Operator


@pytest.mark.parametrize("seed", range(6))
async def test_the_sum_holds_after_every_step(operator: Operator, store: Store, seed: int) -> None:
    """Put, claim, end, bury, park, retry, replay and discard, again and again, some with ids that are long gone."""
    chance = random.Random(seed)  # noqa: S311  # test data, no secret
    site = site_of(link())
    desk = Desk(load_settings(operator.config), (site,), store)
    outbox = Outbox(SITE, "vendor", 0)
    claims = Claims(
        store, outbox_keys(0, SITE, "vendor"), site=SITE, forwarder="vendor", worker="w", kept=Kept(3600, 50)
    )
    await claims.prepare()
    held: list[str] = []
    seen: set[str] = {"1-0"}
    sent: set[str] = {"1-0"}
    async with Scene(store, site) as scene:
        for step in range(120):
            letters = await letter_ids(desk, outbox)
            seen.update(letters)
            picked = chance.sample(sorted(seen), min(len(seen), 3))
            match chance.choice(("put", "claim", "due", "settle", "retry", "replay", "discard")):
                case "put":
                    await scene.full(f"e{step}", f"f{step}")
                case "claim":
                    held += [one.id for one in await claims.new(3, block_ms=None)]
                case "due":
                    held += [one.id for one in await claims.due(3)]
                case "settle" if held:
                    one = held.pop(chance.randrange(len(held)))
                    ways: list[Operation] = [
                        End(one, Outcome.DELIVERED, "accepted"),
                        End(one, Outcome.REJECTED, "vendor_rejected", "words"),
                        End(one, Outcome.REJECTED, "unmappable", "words"),
                        Park(one, 0),
                        Give(one),
                    ]
                    way = chance.choice(ways)
                    await claims.settle([way, way])
                case "retry":
                    assert await retry(desk, outbox, picked) == (len(set(picked) & set(letters)), 0)
                case "replay":
                    copies = [one async for one, _ in paged(desk, outbox.keys.sent, "-", "+")]
                    sent.update(copies)
                    chosen = chance.sample(sorted(sent), min(len(sent), 3))
                    moved = await again(desk, outbox, outbox.keys.sent, chosen, "delivered|accepted", silent)
                    assert moved == (len(set(chosen) & set(copies)), 0)
                case "discard" if chance.random() < 0.3:
                    assert await discard(desk, outbox, picked) == len(set(picked) & set(letters))
                case _:
                    continue
            _, (row,) = await look(desk)
            assert row.adds_up, row
            assert min(row.rejected, row.pending, row.delivered) >= 0
            assert row.dead_letters <= row.rejected
    assert len(seen) > 1
    assert len(sent) > 1
