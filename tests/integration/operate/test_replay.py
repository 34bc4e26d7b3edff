"""``sayso replay``: what was delivered can be sent again, nothing is lost or doubled by it, and consent counts anew."""

import asyncio
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from proxy.operate.span import parse_moment
from proxy.reasons import Decision, Outcome, OutcomeReason
from proxy.store.claims import Claims, End, Kept
from proxy.store.client import Store
from proxy.store.keys import outbox_keys, partition_keys
from tests.support.delivery import SITE, Scene, link, site_of
from tests.support.operating import Operator
from tests.support.telling import Telling
from tests.support.waiting import wait_until

HOUR_MS = 3_600_000
KEPT = Kept(24 * 3600, 10_000)


def now_ms() -> int:
    """Return Unix time in milliseconds."""
    return time.time_ns() // 1_000_000


async def deliver(store: Store, forwarder: str = "vendor") -> None:
    """Let what waits have been delivered, as delivery settles it."""
    claims = Claims(
        store, outbox_keys(0, SITE, forwarder), site=SITE, forwarder=forwarder, worker="w", kept=KEPT
    )
    await claims.prepare()
    while claimed := await claims.new(250, block_ms=None):
        await claims.settle([End(one.id, Outcome.DELIVERED, OutcomeReason.ACCEPTED) for one in claimed])


async def date(store: Store, ages_h: Sequence[float], forwarder: str = "vendor") -> None:
    """Date what is kept, oldest first: so many hours ago was each of them delivered."""
    key = outbox_keys(0, SITE, forwarder).sent
    copies: Any = await store.redis.xrange(key)
    await store.redis.delete(key)
    for (_, fields), age_h in zip(copies, ages_h, strict=True):
        await store.redis.xadd(key, fields, id=f"{now_ms() - int(age_h * HOUR_MS)}-0")


async def kept(store: Store, forwarder: str = "vendor") -> int:
    """Return how many delivered entries are kept."""
    return int(await store.redis.xlen(outbox_keys(0, SITE, forwarder).sent))


async def of(operator: Operator, *options: str, forwarder: str = "vendor") -> dict[str, Any]:
    """Replay and return what is said of one forwarder."""
    body = await operator.tells("replay", *options)
    (found,) = [one for one in body["forwarders"] if one["forwarder"] == forwarder]
    return dict(found)


class TestWhatIsSentAgain:
    async def test_it_is_pending_again_and_arrives_under_the_same_ids(
        self, operator: Operator, store: Store
    ) -> None:
        """The counts go back in the same moment, so the sum holds before, between and after."""
        async with Scene(store, site_of(link(Telling())), kept=KEPT) as scene:
            await scene.full("e0", "e1", "e2")
            delivery = await scene.work()
            await scene.settled(delivered_accepted=3)
            await delivery.stop()
            said = await operator.says("replay", "--since", "1h", "--forwarder", "vendor")
            assert said.endswith("sent again: 3 entries pending again\n")
            row = await operator.row()
            assert (row["delivered"], row["pending"], row["adds_up"]) == (0, 3, True)
            assert await kept(store) == 0
            await scene.work("w2")
            await scene.settled(delivered_accepted=3)
            assert scene.delivered_ids() == ["e0", "e0", "e1", "e1", "e2", "e2"]
            assert await kept(store) == 3  # and may be sent once more

    async def test_only_what_was_delivered_in_that_time(self, operator: Operator, store: Store) -> None:
        """Since when, until when; of that forwarder and site."""
        async with Scene(store, site_of(link(), link(name="other"))) as scene:
            await scene.full("e0", "e1", "e2")
            await scene.full("e3", to="other")
            await deliver(store)
            await deliver(store, "other")
            await date(store, [3, 1.5, 0.2])
            found = await of(operator, "--since", "2h", "--until", "1h")
            assert found["sent_again"] == 1
            assert await kept(store) == 2
            assert await kept(store, "other") == 1
            found = await of(operator, "--since", "30m", "--site", "shop", "--forwarder", "vendor")
            assert found["sent_again"] == 1
            body = await operator.tells("replay", "--since", "1d", "--site", "outlet")
            assert body["forwarders"] == []
            assert (await operator.row())["adds_up"]
            assert await kept(store, "other") == 1

    async def test_it_is_said_how_far_back_what_is_kept_reaches(
        self, operator: Operator, store: Store
    ) -> None:
        """And not pretended that there was nothing before."""
        async with Scene(store, site_of(link())) as scene:
            await scene.full("e0", "e1")
            await deliver(store)
            await date(store, [30, 2])  # the first is past what is kept, though nothing has cut it off yet
            options = ("--forwarder", "vendor", "--dry-run")
            found = await of(operator, "--since", "40h", *options)
            assert abs(found["kept_since"] - (now_ms() - 2 * HOUR_MS)) < 60_000
            assert (found["reaches_back"], found["would_send_again"]) == (False, 1)
            said = await operator.says("replay", "--since", "40h", *options)
            assert "what was delivered before is gone, if there was any" in said
            assert (await of(operator, "--since", "1h", *options))["reaches_back"] is True
            said = await operator.says("replay", "--since", "40h", "--forwarder", "other", "--dry-run")
            assert "shop other: nothing that was delivered is kept" in said

    async def test_a_wrong_time_is_said_to_be_one(self, operator: Operator) -> None:
        """Nothing is guessed."""
        for wrong in ("yesterday", "2", "-2h", "2h30m", "2026-13-01", ""):
            assert "--since is how long ago" in await operator.refused("replay", "--since", wrong)
        assert "--until is how long ago" in await operator.refused(
            "replay", "--since", "2h", "--until", "soon"
        )
        assert "must lie before" in await operator.refused("replay", "--since", "1h", "--until", "2h")
        assert "lies ahead" in await operator.refused("replay", "--since", "2100-01-01")
        assert "there is no forwarder mta" in await operator.refused(
            "replay", "--since", "1h", "--forwarder", "mta"
        )

    async def test_where_nothing_is_kept_that_is_said(self, tmp_path: Path, valkey_url: str) -> None:
        """Status 1: it cannot be done."""
        operator = Operator(tmp_path, valkey_url, delivery="replay_hours = 0")
        line = await operator.refused("replay", "--since", "1h", status=1)
        assert "replay_hours is 0" in line


class TestWhatIsNot:
    @pytest.mark.parametrize("otherwise", [Decision.DROP, Decision.COOKIELESS])
    async def test_a_visitor_who_has_withdrawn_is_not_sent_again(
        self, operator: Operator, store: Store, otherwise: Decision
    ) -> None:
        """What they had allowed then they do not allow now: lowered or dropped; another's goes."""
        async with Scene(store, site_of(link(Telling(), otherwise=otherwise))) as scene:
            for visitor, name in (("A" * 22, "mine"), ("B" * 22, "theirs")):
                await scene.decide("gggg", visitor=visitor)
                await scene.full(name, visitor=visitor)
            await deliver(store)
            await scene.decide("dddd", visitor="A" * 22, mode="withdraw")
            assert (await of(operator, "--since", "1h"))["sent_again"] == 2
            await scene.work()
            if otherwise is Decision.DROP:
                await scene.settled(delivered_accepted=1, dropped_withdrawn=1)
                assert scene.sent_names() == []
            else:
                await scene.settled(delivered_accepted=2)
                assert len(scene.sent_names()) == 1
            assert scene.delivered_ids() == ["theirs"]

    async def test_what_is_too_old_for_its_vendor_stays(self, operator: Operator, store: Store) -> None:
        """Full ones by the event's own time; cookieless pings, which carry none, by when they were taken."""
        async with Scene(store, site_of(link())) as scene:
            await scene.full("old", time_ms=now_ms() - 73 * HOUR_MS)
            await scene.full("new", time_ms=now_ms() - 70 * HOUR_MS)
            await scene.ping("old", accepted_ms=now_ms() - 5 * HOUR_MS)
            await deliver(store)
            found = await of(operator, "--since", "1h", "--yes")
            assert (found["sent_again"], found["too_old"]) == (1, 2)
            row = await operator.row()
            assert (row["delivered"], row["pending"], row["adds_up"]) == (2, 1, True)

    async def test_what_a_vendor_would_count_twice_needs_a_yes(
        self, operator: Operator, store: Store
    ) -> None:
        """Nothing is done without; a dry run says how many there are."""
        async with Scene(store, site_of(link())) as scene:
            await scene.full("e0")
            await scene.ping("p0", "p1")
            await deliver(store)
            line = await operator.refused("replay", "--since", "1h")
            assert "counted twice" in line
            assert "shop vendor 2" in line
            assert (await operator.row())["pending"] == 0
            assert (await of(operator, "--since", "1h", "--dry-run"))["twice"] == 2
            assert (await of(operator, "--since", "1h", "--yes"))["sent_again"] == 3

    async def test_an_outbox_that_is_full_takes_no_more(
        self, tmp_path: Path, valkey_url: str, store: Store
    ) -> None:
        """The rest stays kept, and can be sent later."""
        operator = Operator(tmp_path, valkey_url, delivery="max_entries = 3")
        async with Scene(store, site_of(link())) as scene:
            await scene.full("e0", "e1", "e2")
            await deliver(store)
            await scene.full("e3", "e4")
            found = await of(operator, "--since", "1h")
            assert (found["sent_again"], found["outbox_full"]) == (1, 2)
            row = await operator.row()
            assert (row["delivered"], row["pending"], row["adds_up"]) == (2, 3, True)
            assert await kept(store) == 2
            said = await operator.says("replay", "--since", "1h", "--forwarder", "vendor")
            assert "shop vendor: 2 stay as they are, as its outbox is full" in said

    async def test_a_dry_run_changes_nothing(self, operator: Operator, store: Store) -> None:
        """It says how many it would be, and the store is what it was."""
        async with Scene(store, site_of(link())) as scene:
            await scene.full("e0", "e1")
            await deliver(store)
            before = await operator.row()
            found = await of(operator, "--since", "1h", "--dry-run")
            assert (found["would_send_again"], found["sent_again"]) == (2, 0)
            said = await operator.says("replay", "--since", "1h", "--dry-run")
            assert said.endswith("would send again: 2 entries\n")
            assert await operator.row() == before
            assert await kept(store) == 2

    async def test_what_cannot_be_read_stays(self, operator: Operator, store: Store) -> None:
        """And is said to be there."""
        await store.redis.xadd(outbox_keys(0, SITE, "vendor").sent, {"e": "{}"})
        found = await of(operator, "--since", "1h")
        assert (found["sent_again"], found["unreadable"]) == (0, 1)
        assert await kept(store) == 1

    async def test_a_key_of_another_kind_costs_nothing(self, operator: Operator, store: Store) -> None:
        """The script fails before it has written anything."""
        async with Scene(store, site_of(link())) as scene:
            await scene.full("e0")
            await deliver(store)
            stream = outbox_keys(0, SITE, "vendor").stream
            await store.redis.delete(stream)
            await store.redis.set(stream, "spoilt")
            await operator.refused("replay", "--since", "1h", status=1)
            assert await kept(store) == 1
            counts: Any = await store.redis.hgetall(partition_keys(0).counts)
            assert counts[b"o|shop|vendor|delivered|accepted"] == b"1"


class TestSeveralAtOnce:
    async def test_two_replays_send_each_once(self, operator: Operator, store: Store) -> None:
        """Nothing is doubled, whoever else may try."""
        async with Scene(store, site_of(link())) as scene:
            await scene.full(*(f"e{number}" for number in range(700)))
            await deliver(store)
            said = await asyncio.gather(*(_other_terminal(operator) for _ in range(2)))
            assert sum(one["sent_again"] for one in said) == 700
            row = await operator.row()
            assert (row["delivered"], row["pending"], row["adds_up"]) == (0, 700, True)

    async def test_one_that_is_killed_between_two_parts_loses_nothing(
        self, operator: Operator, store: Store
    ) -> None:
        """What it had moved is pending, the rest is kept; another one does what is left."""
        async with Scene(store, site_of(link())) as scene:
            for part in range(12):
                await scene.full(*(f"e{part}-{number}" for number in range(500)))
            await deliver(store)
            process = await _start(operator)

            async def begun() -> bool:
                return bool((await scene.account()).pending) or process.returncode is not None

            await wait_until(begun, what="a first part")
            if process.returncode is None:
                process.kill()
            await process.wait()
            account = await scene.account()
            assert account.adds_up
            assert account.pending + await kept(store) == 6000
            assert account.outcomes["delivered|accepted"] == await kept(store)
            await _other_terminal(operator)
            account = await scene.account()
            assert (account.pending, account.adds_up) == (6000, True)


async def _start(operator: Operator) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *operator.command("replay", "--since", "1h", "--forwarder", "vendor", "--json"),
        stdout=asyncio.subprocess.PIPE,
    )


async def _other_terminal(operator: Operator) -> dict[str, Any]:
    process = await _start(operator)
    out, _ = await process.communicate()
    assert process.returncode == 0
    (found,) = json.loads(out)["forwarders"]
    return dict(found)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("90s", 1_000_000_000_000 - 90_000),
        ("30m", 1_000_000_000_000 - 1_800_000),
        ("30min", 1_000_000_000_000 - 1_800_000),
        ("2h", 1_000_000_000_000 - 7_200_000),
        ("1d", 1_000_000_000_000 - 86_400_000),
        ("2001-09-09T01:46:40Z", 1_000_000_000_000),
        ("2001-09-09T01:46:40", 1_000_000_000_000),
        ("2001-09-09T03:46:40+02:00", 1_000_000_000_000),
        ("2001-09-09", 999_993_600_000),
        ("2 h", None),
        ("٢h", None),
        ("now", None),
    ],
)
def test_moments_as_operators_write_them(text: str, moment: int | None) -> None:
    """How long ago, or a time; in UTC where no zone is named."""
    assert parse_moment(text, 1_000_000_000_000) == moment
