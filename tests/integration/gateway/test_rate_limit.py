"""So many requests a minute from one network, and no more: 429, with the seconds to wait."""

import pytest

from proxy.gateway.ratelimit import RateLimit
from tests.support.rig import DENY, ORIGIN, PAGE, Answer, Rig, StartRig, event, site

PROXY = {"trusted_proxies": ["127.0.0.1/32"]}
KEY = "a-key-of-the-shop"


async def limited(start_rig: StartRig, per_minute: int = 3, **server: object) -> Rig:
    """Return a gateway with a low limit, at the start of a minute."""
    rig = await start_rig(
        {"shop": site(ingest_keys=[KEY])}, server={**PROXY, "rate_limit_per_minute": per_minute, **server}
    )
    rig.clock.ahead_ms += 60_000 - rig.clock() % 60_000
    return rig


async def send(rig: Rig, address: str, **headers: str) -> Answer:
    """Send an event from a visitor's address."""
    return await rig.request("POST", "/collect", event(), {**PAGE, "X-Forwarded-For": address, **headers})


class TestTheLimit:
    async def test_beyond_it_is_429_with_the_seconds_to_wait(self, start_rig: StartRig) -> None:
        rig = await limited(start_rig)
        for _ in range(3):
            assert (await send(rig, "81.2.69.1")).status == 204
        answer = await send(rig, "81.2.69.1")
        assert (answer.status, answer.json["reason"]) == (429, "rate_limit")
        assert 50 <= int(answer.headers["Retry-After"]) <= 60
        assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
        assert b"81.2" not in answer.body
        assert (await rig.counts())["r|shop"] == 3

    async def test_who_waits_that_long_may_go_on(self, start_rig: StartRig) -> None:
        rig = await limited(start_rig)
        answer = [await send(rig, "81.2.69.1") for _ in range(4)][-1]
        rig.clock.advance(seconds=int(answer.headers["Retry-After"]))
        assert (await send(rig, "81.2.69.1")).status == 204

    @pytest.mark.parametrize(
        ("first", "second", "shared"),
        [
            ("81.2.69.1", "81.2.69.254", True),
            ("81.2.69.1", "81.2.70.1", False),
            ("2001:db8:1:2::3", "2001:db8:1:ffff::9", True),
            ("2001:db8:1::1", "2001:db8:2::1", False),
            ("81.2.69.1", "::ffff:81.2.69.77", True),
        ],
    )
    async def test_it_is_per_truncated_address(
        self, start_rig: StartRig, first: str, second: str, shared: bool
    ) -> None:
        """We keep no whole address, not even to count; so a network shares its limit."""
        rig = await limited(start_rig)
        for _ in range(3):
            await send(rig, first)
        assert (await send(rig, second)).status == (429 if shared else 204)

    async def test_inventing_addresses_helps_nobody_whom_we_do_not_trust(self, start_rig: StartRig) -> None:
        rig = await limited(start_rig, trusted_proxies=[])
        answers = [await send(rig, f"81.2.{n}.1") for n in range(5)]
        assert [answer.status for answer in answers] == [204, 204, 204, 429, 429]

    async def test_it_is_for_all_routes_together(self, start_rig: StartRig) -> None:
        rig = await limited(start_rig)
        browser = rig.browser()
        await browser.consent(DENY)
        await browser.get("/consent")
        await browser.collect(event())
        for answer in (await browser.consent(DENY), await browser.get("/consent"), await browser.withdraw()):
            assert answer.status == 429

    async def test_a_batch_is_one_request(self, start_rig: StartRig) -> None:
        rig = await limited(start_rig)
        for _ in range(3):
            assert (await rig.post("/collect", {"events": [event()] * 100})).status == 204
        assert (await rig.counts())["r|shop"] == 300

    async def test_zero_is_none(self, start_rig: StartRig) -> None:
        rig = await limited(start_rig, 0)
        assert {(await send(rig, "81.2.69.1")).status for _ in range(50)} == {204}

    async def test_preflights_do_not_count(self, start_rig: StartRig) -> None:
        rig = await limited(start_rig)
        for _ in range(10):
            await rig.request("OPTIONS", "/collect", None, {"Origin": ORIGIN})
        assert (await rig.post("/collect", event())).status == 204

    async def test_several_workers_share_it(self, start_rig: StartRig) -> None:
        """Each sees its share of the traffic, so each allows its share, rounded up."""
        rig = await limited(start_rig, 5, workers=2)
        answers = [await send(rig, "81.2.69.1") for _ in range(4)]
        assert [answer.status for answer in answers] == [204, 204, 204, 429]


class TestIngestKeys:
    async def test_they_are_exempt_and_cost_nobody_else_anything(self, start_rig: StartRig) -> None:
        rig = await limited(start_rig)
        for _ in range(20):
            assert (await send(rig, "81.2.69.1", Authorization=f"Bearer {KEY}")).status == 204
        assert (await send(rig, "81.2.69.1")).status == 204

    async def test_guessing_them_is_not(self, start_rig: StartRig) -> None:
        rig = await limited(start_rig)
        answers = [await send(rig, "81.2.69.1", Authorization=f"Bearer guess-{n}") for n in range(5)]
        assert [answer.status for answer in answers] == [204, 204, 204, 429, 429]


class TestItsMemory:
    def test_it_is_bounded(self) -> None:
        """However many networks send in one minute, and nothing is kept into the next."""
        limit = RateLimit(2)
        for n in range(150_000):
            assert limit.retry_after(f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}", 60) == 0
        assert len(limit._counts) == 100_000
        assert limit.retry_after("10.0.0.0", 119) == 0
        assert limit.retry_after("10.0.0.0", 119) == 1
        assert limit.retry_after("x", 120) == 0
        assert len(limit._counts) == 1
