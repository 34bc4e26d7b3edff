"""The report's sums, whatever operators, delivery and visitors do to the same entries in whatever order."""

import random
import time
from pathlib import Path

import pytest

from proxy.consent import Record
from proxy.delivery.clearing import Clearing
from proxy.delivery.lowering import lowered
from proxy.entry import Entry
from proxy.event import FullEvent
from proxy.operate.desk import Desk
from proxy.operate.kept import again, paged
from proxy.operate.letters import discard, letter_ids, retry
from proxy.operate.outboxes import Outbox as Place
from proxy.operate.progress import silent
from proxy.reasons import Decision, Outcome
from proxy.report.model import Funnel
from proxy.report.read import read_report
from proxy.settings import load_settings
from proxy.signals import ALL_DENIED
from proxy.site import Link, Site
from proxy.store.claims import Claims, End, Give, Kept, Lower, Operation, Park
from proxy.store.client import Store
from proxy.store.keys import outbox_keys
from tests.support.delivery import SITE, link, site_of
from tests.support.operating import Operator
from tests.support.reported import TODAY, counters, hashes, of_counters, outbox, put, sums, waiting

YESTERDAY = TODAY.replace(day=21)
FULL, PING, DROP = "full|granted", "cookieless|consent_denied", "drop|consent_unknown"


class Shop:
    """A shop with one forwarder, whose entries everybody acts on; after each act, ``check`` holds."""

    def __init__(self, operator: Operator, store: Store, seed: int) -> None:
        self.chance = random.Random(seed)  # noqa: S311  # test data, no secret
        self.store = store
        self.link: Link = link(otherwise=Decision.COOKIELESS if seed % 2 else Decision.DROP)
        self.site: Site = site_of(self.link)
        self.desk = Desk(load_settings(operator.config), (self.site,), store)
        self.place = Place(SITE, "vendor", 0)
        self.box = outbox(store, most_entries=25)
        self.claims = Claims(
            store,
            outbox_keys(0, SITE, "vendor"),
            site=SITE,
            forwarder="vendor",
            worker="w",
            kept=Kept(3600, 50),
        )
        self.held: list[tuple[str, Entry | None]] = []
        self.conversions = 0
        self.duplicates = 0

    async def act(self) -> str:
        """Do one thing; return which."""
        ways = {
            "put": 6, "claim": 4, "due": 2, "settle": 8, "retry": 2, "replay": 2, "discard": 1, "withdraw": 1, "erase": 1,
        }  # fmt: skip
        act = self.chance.choices([*ways], [*ways.values()])[0]
        await getattr(self, f"_{act}")()
        return act

    async def _put(self) -> None:
        chance = self.chance
        for _ in range(chance.randint(1, 4)):
            ref = f"own-{chance.randint(1, 60)}" if chance.random() < 0.5 else ""
            one = put(
                chance.choice((FULL, FULL, PING, DROP)),
                name=chance.choice(("purchase", "sign_up")),
                day=chance.choice((TODAY, YESTERDAY)),
                visitor=f"visitor-{chance.randint(1, 3)}",
                ref=ref,
            )
            [new] = await self.box.put([one])
            self.conversions += new
            self.duplicates += not new

    async def _claim(self) -> None:
        self.held += [(one.id, one.entry) for one in await self.claims.new(3, block_ms=None)]

    async def _due(self) -> None:
        self.held += [(one.id, one.entry) for one in await self.claims.due(3)]

    async def _settle(self) -> None:
        if not self.held:
            return
        one, entry = self.held.pop(self.chance.randrange(len(self.held)))
        ways: list[Operation] = [
            End(one, Outcome.DELIVERED, "accepted"),
            End(one, Outcome.DELIVERED, "accepted"),
            End(one, Outcome.REJECTED, "vendor_rejected", "words"),
            End(one, Outcome.EXPIRED, "too_old"),
            End(one, Outcome.DROPPED, "withdrawn"),
            Park(one, 0),
            Give(one),
        ]
        low = self._lowered(entry) if entry is not None else None
        way = Lower(one, low) if low is not None and self.chance.random() < 0.3 else self.chance.choice(ways)
        await self.claims.settle([way, way])

    async def _retry(self) -> None:
        await retry(self.desk, self.place, (await letter_ids(self.desk, self.place))[:2], silent)

    async def _replay(self) -> None:
        copies = [one async for one, _ in paged(self.desk, self.place.keys.sent, "-", "+")]
        picked = self.chance.sample(copies, min(len(copies), 2))
        await again(
            self.desk, self.place, self.place.keys.sent, [*picked, *picked], "delivered|accepted", silent
        )

    async def _discard(self) -> None:
        await discard(self.desk, self.place, (await letter_ids(self.desk, self.place))[:1], silent)

    async def _withdraw(self) -> None:
        await self._clearing().withdraw([f"visitor-{self.chance.randint(1, 3)}"])

    async def _erase(self) -> None:
        await self._clearing().erase([f"visitor-{self.chance.randint(1, 3)}"])

    def _clearing(self) -> Clearing:
        return Clearing(self.store, SITE, "vendor", 0, self._lowered, silence_ms=5000)

    def _lowered(self, entry: Entry) -> Entry | None:
        at = time.time_ns() // 1_000_000
        record = Record(ALL_DENIED, "test", at, times=(at,) * 4, denied_at=(at,) * 4, tombstone=True)
        if not isinstance(entry.event, FullEvent):
            return entry
        return lowered(record, entry, entry.event, self.site, self.link, at)

    async def check(self) -> Funnel:
        """Compare the report with what it must agree with: the counters, and the outbox itself."""
        report = await read_report(self.store, self.site, range(1), YESTERDAY, TODAY, None)
        [funnel] = report.funnels
        assert report.conversions == self.conversions
        assert report.duplicates == self.duplicates
        assert funnel.received == self.conversions + self.duplicates
        assert funnel.waiting == await waiting(self.store)
        assert sums(await hashes(self.store, "report:*")) == of_counters(await counters(self.store))
        for event in ("purchase", "sign_up"):
            for day in (YESTERDAY, TODAY):
                part = await read_report(self.store, self.site, range(1), day, day, event)
                assert part.funnels[0].waiting >= 0
                assert part.funnels[0].received == part.conversions + part.duplicates
                assert min(part.funnels[0].outcomes.values(), default=0) >= 0
        return funnel


@pytest.mark.parametrize("seed", range(6))
async def test_the_report_agrees_with_the_counters_after_every_step(
    tmp_path: Path, valkey_url: str, store: Store, seed: int
) -> None:
    """Put, claim, end, lower, park, retry, replay, discard, withdraw, erase, in any order, some of them twice."""
    shop = Shop(Operator(tmp_path, valkey_url), store, seed)
    await shop.claims.prepare()
    done = set()
    for _ in range(130):
        done.add(await shop.act())
        await shop.check()
    funnel = await shop.check()
    assert len(done) >= 8
    assert len(funnel.outcomes) > 2
    assert funnel.full > 10
