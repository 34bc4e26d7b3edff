"""What a vendor's verdicts do to entries: each ends once, and nobody pays for another's fault."""

from typing import ClassVar

from forwarders.base import Request, Response
from forwarders.verdicts import (
    AskAgain,
    Delivered,
    FollowUpVerdict,
    LateAnswer,
    Verdict,
)
from proxy.store.client import Store
from tests.support.delivery import Scene, TestForwarder, link, site_of
from tests.support.telling import Telling
from tests.support.vendor import Reply, Seen
from tests.support.waiting import wait_until


def ids(seen: Seen) -> list[str]:
    """Return the ids of a full request."""
    found: list[str] = seen.json["ids"]
    return found


async def test_refused_ones_of_a_delivered_batch_become_dead_letters(store: Store) -> None:
    """The vendor took the batch but for one; that one is kept with the vendor's words."""
    async with Scene(store, site_of(link(Telling()))) as scene:
        scene.vendor.queue = [Reply(json={"verdict": "delivered", "refused": {"1": "no such currency"}})]
        await scene.full("e0", "e1", "e2")
        await scene.work()
        await scene.settled(delivered_accepted=2, rejected_vendor_rejected=1)
        assert await scene.dead_letters() == [("rejected|vendor_rejected", "no such currency")]
        assert len(scene.vendor.seen) == 1


async def test_resend_leaves_out_the_named_ones(store: Store) -> None:
    """Nothing was taken; the ones that were named end, the others go again without them."""
    async with Scene(store, site_of(link(Telling()))) as scene:
        scene.vendor.queue = [Reply(400, {"verdict": "resend", "refused": {"0": "bad", "2": "worse"}})]
        await scene.full("e0", "e1", "e2", "e3")
        await scene.work()
        await scene.settled(delivered_accepted=2, rejected_vendor_rejected=2)
        assert scene.sent_ids() == [["e0", "e1", "e2", "e3"], ["e1", "e3"]]


async def test_resend_that_names_nobody_is_tried_later(store: Store) -> None:
    """An answer that blames nobody who was there must not be repeated at once for ever."""
    async with Scene(store, site_of(link(Telling()))) as scene:
        scene.vendor.queue = [Reply(400, {"verdict": "resend", "refused": {"7": "who?"}})]
        await scene.full("e0", "e1")
        await scene.work()
        await scene.settled(delivered_accepted=2)
        assert scene.sent_ids() == [["e0", "e1"], ["e0", "e1"]]


async def test_split_finds_the_bad_one_by_halving(store: Store) -> None:
    """Nobody says which event is bad: halving costs only that event, in few requests."""

    def answer(seen: Seen) -> Reply:
        return Reply(400, {"verdict": "split"}) if "bad" in ids(seen) else Reply(json={})

    async with Scene(store, site_of(link(Telling()))) as scene:
        scene.vendor.answers["vendor.example"] = answer
        await scene.full("e0", "e1", "e2", "bad", "e4", "e5", "e6", "e7")
        await scene.work()
        await scene.settled(delivered_accepted=7, rejected_vendor_rejected=1)
        assert await scene.dead_letters() == [("rejected|vendor_rejected", "one of them is bad")]
        assert len(scene.vendor.seen) == 7  # 8, 4, 4, 2, 2, 1, 1


async def test_a_refused_batch_becomes_dead_letters(store: Store) -> None:
    """All of them, each with the words."""
    async with Scene(store, site_of(link(Telling()))) as scene:
        scene.vendor.queue = [Reply(400, {"verdict": "refused"})]
        await scene.full("e0", "e1")
        await scene.work()
        await scene.settled(rejected_vendor_rejected=2)
        assert await scene.dead_letters() == [("rejected|vendor_rejected", "bad, all of them")] * 2


async def test_an_answer_that_cannot_be_read_counts_by_its_status(store: Store) -> None:
    """A forwarder that stumbles over a vendor's answer loses no event that was delivered."""
    async with Scene(store, site_of(link(Telling()))) as scene:
        scene.vendor.queue = [Reply(json={"verdict": "nonsense"})]
        await scene.full("e0")
        await scene.work()
        await scene.settled(delivered_accepted=1)


class Asked(TestForwarder):
    """A vendor that says later what it made of a request."""

    full_keys: ClassVar[frozenset[str]] = frozenset({"ids", "about"})
    follow_up_after_s: ClassVar[float] = 0.01

    def read(self, response: Response, count: int) -> Verdict:
        """Take it, and name it."""
        assert response.json is not None
        return Delivered(follow_up=response.json["name"])

    def follow_up(self, reference: str) -> Request:
        """Ask by name."""
        return Request("GET", "https://vendor.example/status", query=[("about", reference)])

    def read_follow_up(self, response: Response, attempt: int) -> FollowUpVerdict:
        """Read what was refused; ask three times at most."""
        if response.json is not None and response.json.get("done"):
            return LateAnswer({"EVENT_TOO_OLD": 2, "INVALID_GCLID": 1})
        return AskAgain(0.01) if attempt < 3 else LateAnswer({})


async def test_what_was_refused_later_is_counted_apart(store: Store) -> None:
    """The vendor is asked until it has an answer; what it then refuses is no outcome, but a count of its own."""
    async with Scene(store, site_of(link(Asked()))) as scene:
        scene.vendor.queue = [Reply(json={"name": "request-7"}), Reply(json={}), Reply(json={"done": True})]
        await scene.full("e0", "e1")
        await scene.work()
        await scene.settled(delivered_accepted=2)

        async def counted() -> bool:
            return await scene.count("l") == 3

        await wait_until(counted)
        asked = [seen.query for seen in scene.vendor.seen if seen.path == "/status"]
        assert asked == [[("about", "request-7")]] * 2
        assert await store.redis.zcard("sayso:{p0}:asks:shop:vendor") == 0


async def test_how_often_was_asked_survives_a_worker(store: Store) -> None:
    """The number of attempts is kept with the question, so that a new worker does not begin anew."""
    async with Scene(store, site_of(link(Asked()))) as scene:
        await store.redis.zadd("sayso:{p0}:asks:shop:vendor", {"2|request-7": 0})
        scene.vendor.answers["vendor.example"] = lambda _seen: Reply(json={})
        await scene.work()

        async def forgotten() -> bool:
            return await store.redis.zcard("sayso:{p0}:asks:shop:vendor") == 0

        await wait_until(forgotten)
        assert len(scene.vendor.seen) == 2
