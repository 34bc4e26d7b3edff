"""The happy path, read as a story: entries are claimed, gathered into batches, sent and settled."""

import asyncio
from collections.abc import Sequence
from typing import ClassVar

import pytest

from forwarders.auth import Auth, BearerAuth, BodyAuth, QueryAuth
from forwarders.base import Batch, Request
from proxy import __version__
from proxy.event import FullEvent
from proxy.secret import Secret
from proxy.store.client import Store
from tests.support.delivery import Scene, TestForwarder, link, site_of
from tests.support.vendor import Reply
from tests.support.waiting import wait_until


async def test_entries_are_sent_in_batches_and_settled(store: Store) -> None:
    """What waits together goes together, up to the vendor's limit; afterwards nothing is left in the outbox."""
    async with Scene(store, site_of(link())) as scene:
        await scene.full(*(f"e{number}" for number in range(10)))
        await scene.work()
        await scene.settled(delivered_accepted=10)
        assert sorted(map(len, scene.sent_ids())) == [2, 4, 4]
        assert scene.delivered_ids() == sorted(f"e{number}" for number in range(10))


async def test_a_batch_is_filled_by_what_arrives_within_the_linger(store: Store) -> None:
    """Entries that come one after the other share a request; a full batch does not wait any longer."""
    async with Scene(store, site_of(link()), linger_ms=60_000) as scene:
        await scene.work()
        for number in range(4):
            await scene.full(f"e{number}")
        await scene.settled(delivered_accepted=4)
        assert [len(ids) for ids in scene.sent_ids()] == [4]


async def test_cookieless_entries_go_one_by_one(store: Store) -> None:
    """Two cookieless events in one request would belong to one visitor."""
    async with Scene(store, site_of(link())) as scene:
        await scene.ping("page_view", "scroll", "purchase")
        await scene.work()
        await scene.settled(delivered_accepted=3)
        assert sorted(scene.sent_names()) == ["page_view", "purchase", "scroll"]


class OneVisitorPerRequest(TestForwarder):
    """A vendor that takes events of one language per request."""

    def batch_key(self, event: FullEvent) -> str:
        """Return the language."""
        return event.language or ""


async def test_only_what_shares_a_batch_key_shares_a_request(store: Store) -> None:
    """Google Analytics, say, takes events of one client per request."""
    async with Scene(store, site_of(link(OneVisitorPerRequest()))) as scene:
        await scene.full("a1", "a2", language="nb")
        await scene.full("b1", "b2", language="da")
        await scene.work()
        await scene.settled(delivered_accepted=4)
        assert sorted(scene.sent_ids()) == [["a1", "a2"], ["b1", "b2"]]


class Small(TestForwarder):
    """A vendor that takes few bytes."""

    batch: ClassVar[Batch] = Batch(limit=4, max_bytes=40)


async def test_a_batch_of_too_many_bytes_is_halved(store: Store) -> None:
    """The limit in bytes counts as the one in events does; an event that alone is too large goes alone."""
    async with Scene(store, site_of(link(Small()))) as scene:
        await scene.full("e" * 10, "f" * 10, "g" * 60, "h" * 10)
        await scene.work()
        await scene.settled(delivered_accepted=4)
        assert sorted(map(len, scene.sent_ids())) == [1, 1, 2]


class Wide(TestForwarder):
    """A vendor that takes thousands at once."""

    batch: ClassVar[Batch] = Batch(limit=5000)


async def test_thousands_go_in_one_request(store: Store) -> None:
    """A batch may be larger than what is claimed or settled in one round trip."""
    async with Scene(store, site_of(link(Wide())), linger_ms=5000) as scene:
        ids = [f"e{number:04}" for number in range(5001)]
        await scene.full(*ids)
        await scene.work()
        await scene.settled(delivered_accepted=5001)
        assert sorted(map(len, scene.sent_ids())) == [1, 5000]
        assert scene.delivered_ids() == ids


class Authenticated(TestForwarder):
    """A vendor with a secret, which goes where the test says."""

    secret: Secret = Secret("a-secret-of-the-test")
    place: str = "query"
    hosts: ClassVar[frozenset[str]] = frozenset({"vendor.example", "other.example"})

    @property
    def auth(self) -> Auth:
        """Put the secret where the test says."""
        match self.place:
            case "query":
                return QueryAuth("api_secret", self.secret)
            case "body":
                return BodyAuth("access_token", self.secret)
            case _:
                return BearerAuth(self.secret)

    def full(self, events: Sequence[FullEvent]) -> Request:
        """List the ids, beside a query that needs encoding."""
        request = super().full(events)
        request.query = [("note", "å/ +&=%20"), ("note", "two")]
        return request


@pytest.mark.parametrize("place", ["query", "body", "header"])
async def test_the_secret_is_added_where_the_vendor_wants_it(store: Store, place: str) -> None:
    """A forwarder only says where; delivery puts it there, once, after everything was checked."""
    async with Scene(store, site_of(link(Authenticated(place=place)))) as scene:
        await scene.full("e1")
        await scene.work()
        await scene.settled(delivered_accepted=1)
        (seen,) = scene.vendor.seen
        secret = "a-secret-of-the-test"
        note = [("note", "å/ +&=%20"), ("note", "two")]
        assert seen.query == [*note, ("api_secret", secret)] if place == "query" else seen.query == note
        assert seen.json == {"ids": ["e1"], **({"access_token": secret} if place == "body" else {})}
        assert seen.headers.get("authorization") == (f"Bearer {secret}" if place == "header" else None)


async def test_a_request_says_no_more_of_us_than_our_name(store: Store) -> None:
    """No header but what the request needs: nothing of the client library, the machine or the visitor."""
    async with Scene(store, site_of(link())) as scene:
        await scene.full("e1")
        await scene.ping("page_view")
        await scene.work()
        await scene.settled(delivered_accepted=2)
        full, ping = sorted(scene.vendor.seen, key=lambda seen: seen.path)
        for seen in (full, ping):
            assert not {*seen.headers} - {
                "host",
                "accept-encoding",
                "content-type",
                "content-length",
                "user-agent",
            }
        assert full.headers["content-type"] == "application/json"
        assert full.headers["user-agent"] == f"sayso/{__version__}"
        assert "user-agent" not in ping.headers


async def test_requests_under_way_are_limited(store: Store) -> None:
    """A vendor never sees more requests at once than ``in_flight``; the others wait in the outbox."""
    async with Scene(store, site_of(link()), in_flight=2) as scene:
        gate = asyncio.Event()
        scene.vendor.answers["vendor.example"] = lambda _seen: Reply(after=gate)
        await scene.ping(*(f"p{number}" for number in range(7)))
        await scene.work()
        await wait_until(lambda: len(scene.vendor.seen) == 2)
        assert (await scene.account()).pending == 7
        gate.set()
        await scene.settled(delivered_accepted=7)


async def test_each_answer_is_told_to_who_wants_to_know(store: Store) -> None:
    """The demo shows what a vendor answered to which event."""
    told: list[tuple[str, str, list[str], str, int, str]] = []

    def on_sent(site: str, name: str, refs: list[str], mode: str, status: int, headers: object) -> None:
        assert isinstance(headers, dict)
        told.append((site, name, refs, mode, status, headers["x-trace"]))

    async with Scene(store, site_of(link()), on_sent=on_sent) as scene:
        scene.vendor.answers["vendor.example"] = lambda _seen: Reply(headers={"X-Trace": "abc"})
        await scene.full("e1", "e2")
        await scene.work()
        await scene.settled(delivered_accepted=2)
    assert told == [("shop", "vendor", ["ref-e1", "ref-e2"], "full", 200, "abc")]


async def test_forwarders_do_not_mix(store: Store) -> None:
    """Each forwarder of a site has an outbox of its own."""
    other = link(TestForwarder(), name="other")
    async with Scene(store, site_of(link(), other)) as scene:
        await scene.full("e1", to="vendor")
        await scene.full("e2", to="other")
        await scene.work()
        await scene.settled("vendor", delivered_accepted=1)
        await scene.settled("other", delivered_accepted=1)
        assert sorted(scene.sent_ids()) == [["e1"], ["e2"]]
