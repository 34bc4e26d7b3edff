"""Passing failures, limits, outages and refused credentials: time is lost, and no event."""

import itertools
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from forwarders.auth import Auth, ServiceAccountAuth
from forwarders.base import Response, read_status
from forwarders.verdicts import (
    Renew,
    Verdict,
)
from proxy.delivery.backoff import State
from proxy.secret import Secret
from proxy.store.client import Store
from proxy.store.keys import outbox_keys
from tests.support.delivery import SITE, Scene, TestForwarder, link, site_of
from tests.support.events import service_account_json
from tests.support.telling import Telling
from tests.support.vendor import Reply
from tests.support.waiting import wait_until


@pytest.mark.parametrize(
    "first", [Reply(500), Reply(503, raw=b"<html>busy</html>"), Reply(reset=True), Reply(408)], ids=repr
)
async def test_a_passing_failure_is_tried_again_unchanged(store: Store, first: Reply) -> None:
    """Five hundreds, broken connections and the like cost time, not events."""
    async with Scene(store, site_of(link(Telling()))) as scene:
        scene.vendor.queue = [first]
        await scene.full("e0", "e1")
        await scene.ping("page_view")
        await scene.work()
        await scene.settled(delivered_accepted=3)
        assert len(scene.vendor.seen) == 3
        assert await scene.dead_letters() == []


async def test_retry_after_is_honoured_by_all_of_the_forwarder(store: Store) -> None:
    """A vendor that asks to be left alone is left alone: not only by the batch that it answered."""
    async with Scene(store, site_of(link(Telling()))) as scene:
        scene.vendor.queue = [Reply(429, headers={"Retry-After": "1"})]
        await scene.full("e0")
        delivery = await scene.work()
        await wait_until(lambda: len(scene.vendor.seen) == 1)
        await wait_until(lambda: delivery.states()[0].state is State.FAILING)
        await scene.full("e1", "e2")
        await scene.ping("page_view")
        await scene.settled(delivered_accepted=4)
        first, second = scene.vendor.seen[:2]
        assert second.at - first.at >= 1.0


async def test_a_date_in_retry_after_counts_as_well(store: Store) -> None:
    """RFC 9110 allows a date in place of seconds."""
    async with Scene(store, site_of(link(Telling()))) as scene:
        later = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 2))
        scene.vendor.queue = [Reply(503, headers={"Retry-After": later})]
        await scene.full("e0")
        await scene.work()
        await scene.settled(delivered_accepted=1)
        first, second = scene.vendor.seen
        assert second.at - first.at >= 0.9


async def test_a_forwarder_that_fails_often_is_tried_with_one_request_at_a_time(store: Store) -> None:
    """During an outage the entries stay in the outbox, and all go once the vendor is back."""
    async with Scene(store, site_of(link(Telling()))) as scene:
        scene.vendor.answers["vendor.example"] = lambda _seen: Reply(502)
        await scene.ping(*(f"p{number}" for number in range(40)))
        delivery = await scene.work()
        await wait_until(lambda: delivery.states()[0].state is State.FAILING)
        failed = len(scene.vendor.seen)
        await wait_until(lambda: len(scene.vendor.seen) >= failed + 3)
        assert (await scene.account()).pending == 40
        del scene.vendor.answers["vendor.example"]
        await scene.settled(delivered_accepted=40)
        assert delivery.states()[0].state is State.RUNNING


async def test_nothing_waits_any_longer_once_the_vendor_is_back(store: Store) -> None:
    """Entries that failed again and again are parked for minutes; when the vendor works again, they need not be."""
    async with Scene(store, site_of(link(Telling()))) as scene:
        scene.vendor.answers["vendor.example"] = lambda _seen: Reply(502)
        await scene.ping(*(f"p{number}" for number in range(40)))
        delivery = await scene.work()
        await wait_until(lambda: delivery.states()[0].state is State.FAILING)
        parked = outbox_keys(0, SITE, "vendor").parked

        async def all_parked_for_minutes() -> bool:
            later = (time.time_ns() // 1_000_000) + 600_000
            ids: Any = await store.redis.zrange(parked, 0, -1)
            if ids:
                await store.redis.zadd(parked, dict.fromkeys(ids, later), xx=True)
            return len(ids) == 40

        await wait_until(all_parked_for_minutes)
        del scene.vendor.answers["vendor.example"]
        await scene.settled(delivered_accepted=40)


async def test_unauthorised_pauses_and_resumes_by_itself(store: Store) -> None:
    """Only an operator can mend it: entries are kept, one batch now and then finds out when it is mended."""
    async with Scene(store, site_of(link(Telling()))) as scene:
        scene.vendor.answers["vendor.example"] = lambda _seen: Reply(401)
        await scene.full(*(f"e{number}" for number in range(20)))
        delivery = await scene.work()
        await wait_until(lambda: delivery.states()[0].state is State.PAUSED)
        paused = len(scene.vendor.seen)
        assert paused <= 4  # those that were under way at once
        assert delivery.states()[0].words == "HTTP 401"
        await wait_until(lambda: len(scene.vendor.seen) == paused + 2)
        assert (await scene.account()).pending == 20
        del scene.vendor.answers["vendor.example"]
        await scene.settled(delivered_accepted=20)
        assert delivery.states()[0].state is State.RUNNING
        assert await scene.dead_letters() == []


class WithTokens(TestForwarder):
    """A vendor of Google's kind: tokens of a service account, and 401 for one that has ended."""

    credentials: Secret

    @property
    def auth(self) -> Auth:
        """Use tokens."""
        return ServiceAccountAuth(self.credentials, "a-scope")

    def read(self, response: Response, count: int) -> Verdict:
        """Ask for a new token on 401."""
        return Renew("HTTP 401") if response.status == 401 else read_status(response)


@asynccontextmanager
async def with_tokens(store: Store, *good: str) -> AsyncIterator[Scene]:
    """Yield a scene whose vendor takes only these of the tokens ``t1``, ``t2``, ... that Google issues."""
    forwarder = WithTokens(credentials=Secret(service_account_json()))
    async with Scene(store, site_of(link(forwarder)), in_flight=1) as scene:
        issued = itertools.count(1)
        scene.vendor.answers["oauth2.googleapis.com"] = lambda _seen: Reply(
            json={"access_token": f"t{next(issued)}", "expires_in": 3599}
        )
        scene.vendor.answers["vendor.example"] = lambda seen: Reply(
            200 if seen.headers["authorization"].removeprefix("Bearer ") in good else 401
        )
        yield scene


async def test_a_token_that_was_refused_is_renewed_once(store: Store) -> None:
    """The same batch goes again with a new one, at once."""
    async with with_tokens(store, "t2") as scene:
        await scene.full("e0", "e1")
        await scene.work()
        await scene.settled(delivered_accepted=2)
        tokens = [seen.headers["authorization"] for seen in scene.vendor.seen if seen.path == "/full"]
        assert tokens == ["Bearer t1", "Bearer t2"]


async def test_a_new_token_that_is_refused_as_well_is_an_operators_business(store: Store) -> None:
    """It pauses; the next try now and then may find it mended."""
    async with with_tokens(store, "t4") as scene:
        await scene.full("e0")
        delivery = await scene.work()
        await wait_until(lambda: delivery.states()[0].state is State.PAUSED)
        assert sum(seen.path == "/full" for seen in scene.vendor.seen) == 2
        await scene.settled(delivered_accepted=1)


async def test_without_a_token_nothing_is_sent(store: Store) -> None:
    """An account that Google no longer knows pauses its forwarder before any event leaves."""
    async with with_tokens(store) as scene:
        scene.vendor.answers["oauth2.googleapis.com"] = lambda _seen: Reply(400, {"error": "invalid_grant"})
        await scene.full("e0")
        delivery = await scene.work()
        await wait_until(lambda: delivery.states()[0].state is State.PAUSED)
        assert delivery.states()[0].words == "token: HTTP 400 invalid_grant"
        assert {seen.path for seen in scene.vendor.seen} == {"/token"}
        assert (await scene.account()).pending == 1
