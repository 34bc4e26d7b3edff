"""The store is away, hangs, refuses writes, comes back: nothing is acknowledged that is not stored, nothing is mixed up."""

import asyncio
import itertools
from collections.abc import AsyncIterator

import pytest

from proxy.metrics import EVENTS_INVALID
from proxy.reasons import Invalid
from tests.support.own_valkey import Valkey
from tests.support.rig import DENY, GRANT, ORIGIN, Answer, Browser, Rig, event, modes, purchase, signals


@pytest.fixture
async def rig(own_valkey: Valkey) -> AsyncIterator[Rig]:
    """Return a gateway that waits for its store for a third of a second, on a store that a test may spoil."""
    async with Rig(own_valkey.url, patience_s=0.3) as rig:
        yield rig
        own_valkey.thaw()


def is_away(answer: Answer) -> bool:
    """Tell whether an answer says to come back later, in a way that a page can read."""
    return (
        answer.status == 503
        and answer.json["reason"] == "store_unavailable"
        and 1 <= int(answer.headers["Retry-After"]) <= 60
        and answer.headers["Access-Control-Allow-Origin"] == ORIGIN
        and answer.set_cookies == []
    )


async def every_route(browser: Browser) -> list[Answer]:
    """Ask everything that needs the store."""
    return [
        await browser.collect(event()),
        await browser.collect(event("purchase", consent=GRANT)),
        await browser.consent(GRANT),
        await browser.consent(DENY),
        await browser.get("/consent"),
        await browser.withdraw(),
    ]


class TestAStoreThatIsGone:
    async def test_everything_is_503_until_it_is_back(self, rig: Rig, own_valkey: Valkey) -> None:
        """And then all goes on, with what was there before and nothing of what was refused."""
        browser = rig.browser()
        await browser.consent(GRANT)
        await purchase(browser, event_id="before")
        cookies = dict(browser.cookies)
        own_valkey.stop()
        for answer in await every_route(browser):
            assert is_away(answer)
        assert browser.cookies == cookies
        own_valkey.start()
        assert signals(await browser.state()) == GRANT
        await purchase(browser, event_id="after")
        assert [getattr(entry.event, "event_id", "") for entry in await rig.entries("shop", "meta")] == [
            "before",
            "after",
        ]
        assert (await rig.counts())["r|shop"] == 2

    async def test_a_refusal_of_one_without_an_id_needs_no_store(self, rig: Rig, own_valkey: Valkey) -> None:
        """It is remembered in the browser; nothing of it is stored, so nothing stands in its way."""
        own_valkey.stop()
        browser = rig.browser()
        assert (await browser.consent(DENY)).status == 204
        assert set(browser.cookies) == {"_sayso_consent"}

    async def test_the_pixel_is_an_image_and_the_event_counted_as_not_stored(
        self, rig: Rig, own_valkey: Valkey
    ) -> None:
        counter = EVENTS_INVALID.labels("shop", Invalid.NOT_STORED.value)
        before = counter._value.get()
        own_valkey.stop()
        answer = await rig.browser().get("/collect?en=purchase")
        assert (answer.status, answer.headers["Content-Type"]) == (200, "image/gif")
        assert counter._value.get() == before + 1

    async def test_what_needs_no_store_goes_on(self, rig: Rig, own_valkey: Valkey) -> None:
        own_valkey.stop()
        assert (await rig.post("/collect", b"{")).status == 400
        assert (await rig.browser().get("/consent")).status == 200
        assert (await rig.browser().get("/.well-known/gpc.json")).status == 200

    async def test_every_event_with_a_204_is_there_after_a_crash(self, rig: Rig, own_valkey: Valkey) -> None:
        """Killed in the middle of a crowd: each was either acknowledged and is stored, or is 503."""

        async def send(n: int) -> tuple[int, int]:
            return n, (await rig.browser().collect(event(event_id=f"e-{n}", page={"title": f"n-{n}"}))).status

        sending = [asyncio.create_task(send(n)) for n in range(300)]
        await asyncio.wait(sending, return_when=asyncio.FIRST_COMPLETED)
        own_valkey.stop()
        results = dict(await asyncio.gather(*sending))
        assert set(results.values()) <= {204, 503}
        own_valkey.start()
        stored = [entry.event.title for entry in await rig.entries("shop", "google_analytics")]
        assert len(stored) == len(set(stored))
        assert set(stored) >= {f"n-{n}" for n, status in results.items() if status == 204}

    async def test_the_48_hours_of_duplicates_survive_it(self, rig: Rig, own_valkey: Valkey) -> None:
        await rig.post("/collect", event(event_id="same"))
        own_valkey.stop()
        own_valkey.start()
        assert (await rig.post("/collect", event(event_id="same"))).status == 204
        assert len(await rig.entries("shop", "google_analytics")) == 1

    async def test_logs_name_no_visitor(
        self, rig: Rig, own_valkey: Valkey, everything_logged: pytest.LogCaptureFixture
    ) -> None:
        browser = rig.browser()
        await browser.consent(GRANT)
        own_valkey.stop()
        await every_route(browser)
        lines = [
            record.getMessage() for record in everything_logged.records if record.name.startswith("sayso")
        ]
        assert lines
        assert str(browser.id) not in "\n".join(lines)


class TestAStoreThatHangs:
    async def test_it_is_503_in_time(self, rig: Rig, own_valkey: Valkey) -> None:
        browser = rig.browser()
        await browser.consent(GRANT)
        own_valkey.freeze()
        loop = asyncio.get_running_loop()
        began = loop.time()
        answers = await asyncio.gather(*(browser.collect(event()) for _ in range(50)))
        assert all(is_away(answer) for answer in answers)
        assert loop.time() - began < 3

    async def test_a_retry_of_what_it_did_after_all_is_no_second_event(
        self, rig: Rig, own_valkey: Valkey
    ) -> None:
        """It may have taken the event though its answer came too late; the client sends it again, as it should."""
        own_valkey.freeze()
        assert is_away(await rig.post("/collect", event(event_id="again")))
        own_valkey.thaw()
        assert (await rig.post("/collect", event(event_id="again"))).status == 204
        assert (await rig.post("/collect", event(event_id="again"))).status == 204
        assert len(await rig.entries("shop", "google_analytics")) == 1

    async def test_answers_that_come_late_are_nobody_elses(self, rig: Rig, own_valkey: Valkey) -> None:
        """Visitors whose answers were given up on never see, or are decided on, one another's consent."""
        codes = ["".join(letters) for letters in itertools.product("gd", repeat=4) if letters[0] == "g"]
        browsers = {code: rig.browser() for code in codes}
        said = {
            code: dict(zip(GRANT, map({"g": "granted", "d": "denied"}.get, code), strict=True))
            for code in codes
        }
        for code, browser in browsers.items():
            await browser.consent({name: str(value) for name, value in said[code].items()})
        for _ in range(3):
            own_valkey.freeze()
            answers = await asyncio.gather(
                *(browser.get("/consent") for browser in browsers.values()),
                *(browser.collect(event("purchase")) for browser in browsers.values()),
            )
            assert all(is_away(answer) for answer in answers)
            own_valkey.thaw()
            states = await asyncio.gather(*(browser.state() for browser in browsers.values()))
            assert [signals(state) for state in states] == list(said.values())
        await asyncio.gather(
            *(
                browser.collect(event("purchase", params={"canary": code}))
                for code, browser in browsers.items()
            )
        )
        entries = [
            entry
            for entry in await rig.entries("shop", "google_analytics")
            if "canary" in getattr(entry.event, "params", {})
        ]
        assert len(entries) == len(codes)
        for entry in entries:
            code = str(entry.event.params["canary"])
            assert (entry.event.signals.code(), entry.visitor) == (code, browsers[code].id)

    async def test_a_withdrawal_that_was_not_acknowledged_can_be_repeated(
        self, rig: Rig, own_valkey: Valkey
    ) -> None:
        browser = rig.browser()
        await browser.consent(GRANT)
        visitor = browser.id
        own_valkey.freeze()
        assert is_away(await browser.withdraw())
        assert browser.id == visitor
        own_valkey.thaw()
        assert (await browser.withdraw()).status == 204
        assert (await rig.record(visitor))["tombstone"] == "1"


class TestAStoreThatRefusesWrites:
    @pytest.mark.parametrize(
        ("spoil", "mend"),
        [
            (("REPLICAOF", "127.0.0.1", "1"), ("REPLICAOF", "NO", "ONE")),
            (
                ("CONFIG", "SET", "min-replicas-to-write", "1"),
                ("CONFIG", "SET", "min-replicas-to-write", "0"),
            ),
        ],
        ids=["a replica", "without its replicas"],
    )
    async def test_it_takes_nothing_and_nothing_by_halves(
        self, rig: Rig, own_valkey: Valkey, spoil: tuple[str, ...], mend: tuple[str, ...]
    ) -> None:
        browser = rig.browser()
        await browser.consent(GRANT)
        await purchase(browser, event_id="before")
        before = own_valkey.ask("DBSIZE")
        own_valkey.ask(*spoil)
        for answer in (
            await browser.collect(event("purchase", event_id="while")),
            await rig.browser().collect(event("purchase", event_id="while-2")),
            await rig.browser().consent(GRANT),
            await browser.consent(DENY),
            await browser.withdraw(),
        ):
            assert is_away(answer), answer
        own_valkey.ask(*mend)
        assert own_valkey.ask("DBSIZE") == before
        assert (await purchase(browser, event_id="while"))["meta"] == "full|granted"
        assert len(await rig.entries("shop", "meta")) == 2

    @pytest.mark.parametrize("suffix", ["out:shop:meta", "counts", "out:shop:google_analytics"])
    async def test_a_spoiled_key_is_503_for_every_try_until_it_is_mended(
        self, rig: Rig, own_valkey: Valkey, suffix: str
    ) -> None:
        """Redis takes nothing of a script back: a first try must not leave behind what makes the second a duplicate."""
        browser = rig.browser()
        await browser.consent(GRANT)
        own_valkey.ask("SET", f"sayso:{{p0}}:{suffix}", "spoiled")
        for _ in range(2):
            assert is_away(await browser.collect(event("purchase", event_id="once")))
        own_valkey.ask("DEL", f"sayso:{{p0}}:{suffix}")
        await purchase(browser, event_id="once")
        for name in ("meta", "google_analytics", "microsoft"):
            assert modes(await rig.entries("shop", name)) == ["full"]
        assert (await rig.counts())["r|shop"] == 1

    async def test_scripts_that_it_forgot_are_told_again(self, rig: Rig, own_valkey: Valkey) -> None:
        browser = rig.browser()
        await browser.consent(GRANT)
        own_valkey.ask("SCRIPT", "FLUSH", "SYNC")
        assert (await purchase(browser))["meta"] == "full|granted"
        own_valkey.ask("SCRIPT", "FLUSH", "SYNC")
        assert (await browser.withdraw()).status == 204

    async def test_connections_that_it_closed_are_opened_again(self, rig: Rig, own_valkey: Valkey) -> None:
        """As where it has a timeout for idle clients."""
        browser = rig.browser()
        await browser.consent(GRANT)
        for _ in range(3):
            own_valkey.ask("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
            assert (await purchase(browser))["meta"] == "full|granted"
            own_valkey.ask("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
            assert signals(await browser.state()) == GRANT
