"""A 204 means that the event is in the append-only log: it is there to be read, and it is there after ``kill -9``."""

import asyncio
import re

import pytest

from tests.support.own_valkey import Valkey
from tests.support.rig import DENY, GRANT, Rig, event
from tests.support.waiting import passed

ROUNDS = 12


@pytest.fixture
def synced(own_valkey: Valkey) -> Valkey:
    """Return a server that syncs its log before it answers, as the embedded one does."""
    own_valkey.options |= {"appendfsync": "always"}
    own_valkey.ask("CONFIG", "SET", "appendfsync", "always")
    return own_valkey


def titles(rig_entries: list[str | None]) -> set[str]:
    """Return titles that are there."""
    return {title for title in rig_entries if title}


async def test_killed_at_once_after_the_answer_it_still_has_the_event(synced: Valkey) -> None:
    """Many times over, in the middle of a crowd."""
    async with Rig(synced.url) as rig:
        acknowledged: set[str] = set()
        for turn in range(ROUNDS):
            sending = [
                asyncio.create_task(rig.browser().collect(event(page={"title": f"t-{turn}-{n}"})))
                for n in range(30)
            ]
            # The first answer of a crowd: others are on their way, into the same group or the next.
            await asyncio.wait(sending, return_when=asyncio.FIRST_COMPLETED)
            synced.stop()
            await asyncio.to_thread(synced.start)
            answers = await asyncio.gather(*sending)
            assert {answer.status for answer in answers} <= {204, 503}
            acknowledged |= {f"t-{turn}-{n}" for n, answer in enumerate(answers) if answer.status == 204}
            found = [entry.event.title for entry in await rig.entries("shop", "google_analytics")]
            assert len(acknowledged) > turn
            assert acknowledged <= titles(found)


async def test_killed_at_once_after_a_withdrawal_it_is_still_withdrawn(synced: Valkey) -> None:
    """What was taken back stays taken back, as surely as an event stays."""
    async with Rig(synced.url) as rig:
        for turn in range(ROUNDS):
            browser = rig.browser()
            await browser.consent(GRANT)
            visitor = browser.id
            answer = await (browser.withdraw() if turn % 2 else browser.consent(DENY))
            synced.stop()
            assert answer.status == 204
            await asyncio.to_thread(synced.start)
            assert (await rig.record(visitor))["tombstone"] == "1"


async def test_with_everysec_it_still_has_what_is_two_seconds_old(own_valkey: Valkey) -> None:
    """Younger events may be lost even so: while a sync takes its time, the server answers and holds its writes back."""
    own_valkey.options |= {"appendfsync": "everysec"}
    own_valkey.ask("CONFIG", "SET", "appendfsync", "everysec")
    async with Rig(own_valkey.url) as rig:
        for n in range(50):
            assert (await rig.post("/collect", event(page={"title": f"t-{n}"}))).status == 204
        await passed(3.0)
        own_valkey.stop()
        await asyncio.to_thread(own_valkey.start)
        assert len(await rig.entries("shop", "google_analytics")) == 50


async def test_the_bytes_of_an_acknowledged_event_are_in_the_log(own_valkey: Valkey) -> None:
    """With ``always`` the answer comes after the log was written and synced: what is in the file is on the disk.

    What this cannot show is the sync itself; that it is made before the answer is Valkey's own promise.
    """
    own_valkey.ask("CONFIG", "SET", "appendfsync", "always")
    async with Rig(own_valkey.url) as rig:
        for n in range(50):
            assert (await rig.post("/collect", event(page={"title": f"title-{n}-end"}))).status == 204
            assert f"title-{n}-end".encode() in own_valkey.on_disk()


async def test_what_a_power_cut_leaves_is_whole_events(own_valkey: Valkey) -> None:
    """The log is cut off anywhere, as a disk may leave it: each event that is left is whole, counted, and the sum holds."""
    async with Rig(own_valkey.url) as rig:
        browser = rig.browser()
        await browser.consent(GRANT)
        for n in range(20):
            await browser.collect(event("purchase", event_id=f"e-{n}"))
        own_valkey.stop()
        log = next(one for one in own_valkey.socket.parent.rglob("*.incr.aof"))
        whole = log.read_bytes()
        commands = [found.start() for found in re.finditer(rb"\*1\r\n\$4\r\nEXEC\r\n", whole)]
        for cut in (commands[-1] + 3, commands[-3] - 10, commands[-8] + 1, len(whole) // 2):
            log.write_bytes(whole[:cut])
            await asyncio.to_thread(own_valkey.start)
            left = {name: len(await rig.entries("shop", name)) for name in ("meta", "microsoft")}
            counts = await rig.counts()
            assert left["meta"] == left["microsoft"] == counts["r|shop"] == counts["f|shop|meta"] < 20
            own_valkey.stop()
        await asyncio.to_thread(own_valkey.start)
