"""How far a withdrawal reaches, and how that is measured."""

import pytest

from proxy.metrics import REGISTRY
from proxy.reasons import Decision, Outcome
from proxy.store.client import Store
from tests.support.delivery import SITE, Scene, link, site_of
from tests.support.operating import Operator
from tests.support.taken_back import VISITOR, end
from tests.support.telling import Telling


def counted(name: str) -> float:
    """Return how many observations a histogram has had in this process."""
    return REGISTRY.get_sample_value(f"{name}_count") or 0.0


def within(name: str, seconds: str) -> float:
    """Return how many of them were that small."""
    return REGISTRY.get_sample_value(f"{name}_bucket", {"le": seconds}) or 0.0


async def test_the_age_of_consent_is_measured_where_a_full_request_starts(store: Store) -> None:
    """Once for each; none for a ping; and never above the bound."""
    name = "sayso_consent_age_seconds"
    async with Scene(store, site_of(link(Telling()))) as scene:
        before, small = counted(name), within(name, "0.5")
        await scene.full("e0", "e1")
        await scene.ping("page_view")
        await scene.work()
        await scene.settled(delivered_accepted=3)
        requests = len(scene.sent_ids())
    assert (counted(name) - before, within(name, "0.5") - small) == (requests, requests)


@pytest.mark.parametrize("otherwise", [Decision.COOKIELESS, Decision.DROP])
async def test_the_reach_of_a_withdrawal_is_measured(store: Store, otherwise: Decision) -> None:
    """Once for each entry that is lowered or dropped; nothing for one that goes."""
    name = "sayso_withdrawal_reach_seconds"
    async with Scene(store, site_of(link(Telling(), otherwise=otherwise))) as scene:
        before = counted(name)
        await scene.full("e0", "e1", visitor=VISITOR)
        await scene.full("e2")
        await scene.decide("dddd", visitor=VISITOR, mode="withdraw")
        await scene.work()
        if otherwise is Decision.COOKIELESS:
            await scene.settled(delivered_accepted=3)
        else:
            await scene.settled(delivered_accepted=1, dropped_withdrawn=2)
        assert counted(name) - before == 2


@pytest.mark.parametrize(
    ("forwarder", "otherwise", "outcomes"),
    [
        ("vendor", Decision.DROP, {"dropped_withdrawn": 1}),
        ("pings", Decision.COOKIELESS, {"delivered_accepted": 1}),
    ],
)
async def test_a_dead_letter_that_is_tried_again_obeys(
    operator: Operator, store: Store, forwarder: str, otherwise: Decision, outcomes: dict[str, int]
) -> None:
    """Its visitor has withdrawn meanwhile, and nobody has swept: consent is read again before it is sent."""
    async with Scene(store, site_of(link(Telling(), name=forwarder, otherwise=otherwise))) as scene:
        await scene.full("e0", visitor=VISITOR, to=forwarder)
        await end(store, Outcome.REJECTED, forwarder=forwarder, words="bad")
        await operator.says("consent", "withdraw", VISITOR, "--site", SITE)
        await operator.says("dead-letters", "retry", "--forwarder", forwarder)
        await scene.work()
        await scene.settled(forwarder, rejected_vendor_rejected=0, **outcomes)
        assert scene.sent_ids() == []
