"""``sayso dead-letters``: what was refused for good can be seen, tried again and removed, and the sum stays true."""

import asyncio
import time
from typing import Any

import pytest

from proxy.reasons import Decision, Outcome
from proxy.store.claims import Claims, End
from proxy.store.client import Store
from proxy.store.keys import outbox_keys, partition_keys
from proxy.store.outbox import Put
from tests.support.delivery import SITE, Scene, link, site_of
from tests.support.operating import Operator
from tests.support.telling import Telling

HOUR_MS = 3_600_000
EVENT_ID = "order-of-kari"
PERSONAL: dict[str, Any] = {
    "url": "https://shop.example/kari-nordmann?x=hemmelig",
    "referrer": "https://mail.example/inbox-of-kari",
    "title": "Hei Kari Nordmann",
    "transaction_id": "T-kari-77",
    "user_agent": "Mozilla/5.0 (Karis Telefon)",
    "address": "203.0.113.0",
    "ids": {"fbc": "fb.1.1795341600000.karis-klikk"},
    "contact": {"em": "0b8f1e5c2a7d4e6f9a3b5c7d9e1f2a4b6c8d0e2f4a6b8c0d2e4f6a8b0c2d4e6f"},
    "user_id": "kunde-kari",
    "user_properties": {"level": "karis-gull"},
    "params": {"coupon": "KARI-RABATT"},
    "items": [{"item_id": "karis-vare"}],
}


async def bury(
    store: Store,
    *,
    words: str = "no such currency",
    reason: str = "vendor_rejected",
    forwarder: str = "vendor",
) -> None:
    """Let a vendor have refused what waits, as delivery settles it."""
    claims = Claims(store, outbox_keys(0, SITE, forwarder), site=SITE, forwarder=forwarder, worker="w")
    await claims.prepare()
    claimed = await claims.new(100, block_ms=None)
    await claims.settle([End(one.id, Outcome.REJECTED, reason, words) for one in claimed])


async def ids(operator: Operator, *options: str) -> list[str]:
    """Return the ids that the list shows."""
    return [one["id"] for one in (await operator.tells("dead-letters", "list", *options))["dead_letters"]]


async def test_a_letter_is_listed_with_what_the_vendor_said(operator: Operator, store: Store) -> None:
    """When, which event, in which mode, how it ended, and why."""
    assert await operator.tells("dead-letters", "list") == {"dead_letters": []}
    assert await operator.says("dead-letters", "list") == "no dead letters\n"
    async with Scene(store, site_of(link())) as scene:
        await scene.full("e0", name="purchase")
        await scene.ping("page_view")
        await bury(store, words="no such currency\x1b[2J\nreally")
        first, second = (await operator.tells("dead-letters", "list"))["dead_letters"]
        assert abs(first.pop("at") / 1000 - time.time()) < 60
        assert first.pop("id").startswith("shop/vendor/0/")
        assert first == {
            "site": "shop",
            "forwarder": "vendor",
            "event": "purchase",
            "mode": "full",
            "outcome": "rejected",
            "reason": "vendor_rejected",
            "words": "no such currency [2J really",
        }
        assert (second["event"], second["mode"]) == ("page_view", "cookieless")
        text = await operator.says("dead-letters", "list")
        assert "no such currency [2J really" in text
        assert "\x1b" not in text


async def test_nothing_personal_is_ever_shown(operator: Operator, store: Store) -> None:
    """Neither of the entry, nor where the vendor quotes it; only which fields there are."""
    quoted = "bad: kunde-kari, 203.0.113.0, T-kari-77, visitor-of-kari-000001, ola@example.com, KARI-RABATT"
    async with Scene(store, site_of(link())) as scene:
        await scene.full(EVENT_ID, visitor="visitor-of-kari-000001", currency="NOK", value=499.0, **PERSONAL)
        await bury(store, words=quoted)
        (letter_id,) = await ids(operator)
        shown = await operator.tells("dead-letters", "show", letter_id)
        for field in (
            "user_id", "url", "ids.fbc", "contact.em", "user_properties.level", "params.coupon", "items (1)",
        ):  # fmt: skip
            assert field in shown["fields"]
        assert (shown["value"], shown["currency"]) == (499.0, "NOK")
        assert shown["words"].startswith("bad: [struck out], [struck out], [struck out], [struck out], ")
        output = [
            await operator.says("dead-letters", *command, *form)
            for command in (("list",), ("show", letter_id))
            for form in ((), ("--json",))
        ]
        shown_text = (
            "".join(output).lower().replace(f"ref-{EVENT_ID}", "")
        )  # the scene's ref is made of the id
        for mark in ("kari", "203.0.113", "hemmelig", "0b8f1e5c", "ola@"):
            assert mark not in shown_text


async def test_an_entry_that_cannot_be_read_is_listed_all_the_same(operator: Operator, store: Store) -> None:
    """It is there, and it can be discarded."""
    async with Scene(store, site_of(link())) as scene:
        await scene.outbox.put([Put("x", False, SITE, [("vendor", "full|granted", b"{}")])])
        await bury(store, words="unreadable entry")
        (letter,) = (await operator.tells("dead-letters", "list"))["dead_letters"]
        assert (letter["event"], letter["mode"]) == ("unreadable", "unreadable")
        assert "unreadable entry" in await operator.says("dead-letters", "show", letter["id"])
        assert await operator.says("dead-letters", "discard", letter["id"]) == "discarded: 1 dead letter\n"


async def test_a_retried_letter_is_pending_again_and_can_be_delivered(
    operator: Operator, store: Store
) -> None:
    """The count of its refusal is taken back in the same moment, so the sum holds before, between and after."""
    async with Scene(store, site_of(link(Telling()))) as scene:
        await scene.full("e0", "e1", "e2")
        await bury(store)
        row = await operator.row()
        assert (row["rejected"], row["pending"], row["dead_letters"], row["adds_up"]) == (3, 0, 3, True)
        first, second, third = await ids(operator)
        assert await operator.says("dead-letters", "retry", first) == "retried: 1 dead letter pending again\n"
        row = await operator.row()
        assert (row["rejected"], row["pending"], row["dead_letters"], row["adds_up"]) == (2, 1, 2, True)
        assert await ids(operator) == [second, third]
        await scene.work()
        await scene.settled(delivered_accepted=1, rejected_vendor_rejected=2)
        assert scene.delivered_ids() == ["e0"]
        assert (await operator.row())["adds_up"] is True


async def test_a_refusal_is_taken_back_under_its_own_reason(operator: Operator, store: Store) -> None:
    """Metrics tell reasons apart, so another one must not be lowered for it."""
    async with Scene(store, site_of(link())) as scene:
        await scene.full("e0")
        await bury(store)
        await scene.full("e1")
        await bury(store, reason="unmappable")
        _, unmappable = await ids(operator)
        await operator.says("dead-letters", "retry", unmappable)
        assert (await scene.account()).outcomes == {"rejected|vendor_rejected": 1, "rejected|unmappable": 0}


async def test_two_who_retry_the_same_letters_move_each_once(operator: Operator, store: Store) -> None:
    """Nothing is doubled, whoever else may try."""
    async with Scene(store, site_of(link())) as scene:
        await scene.full(*(f"e{number}" for number in range(450)))
        for _ in range(5):
            await bury(store)
        said = await asyncio.gather(*(_other_terminal(operator) for _ in range(2)))
        assert sum(int(one.split()[1]) for one in said) == 450
        row = await operator.row()
        assert (row["rejected"], row["pending"], row["dead_letters"], row["adds_up"]) == (0, 450, 0, True)


async def _other_terminal(operator: Operator) -> str:
    process = await asyncio.create_subprocess_exec(
        *operator.command("dead-letters", "retry", "--all"), stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    assert process.returncode == 0
    return out.decode()


async def test_a_letter_of_someone_who_has_withdrawn_is_dropped_when_retried(
    operator: Operator, store: Store
) -> None:
    """Consent is read again: an operator cannot send what the visitor has taken back."""
    async with Scene(store, site_of(link(Telling(), otherwise=Decision.DROP))) as scene:
        await scene.decide("gggg", visitor="A" * 22)
        await scene.full("e0", visitor="A" * 22)
        await bury(store)
        await operator.says("consent", "withdraw", "A" * 22, "--site", "shop")
        await operator.says("dead-letters", "retry", "--all")
        await scene.work()
        await scene.settled(dropped_withdrawn=1, rejected_vendor_rejected=0)
        assert scene.vendor.seen == []


async def test_a_retried_letter_does_not_grow_younger(operator: Operator, store: Store) -> None:
    """What is older than a vendor may get expires."""
    now_ms = time.time_ns() // 1_000_000
    async with Scene(store, site_of(link(Telling()))) as scene:
        await scene.full("old", time_ms=now_ms - 73 * HOUR_MS)
        await bury(store)
        await operator.says("dead-letters", "retry", "--all")
        await scene.work()
        await scene.settled(expired_too_old=1, rejected_vendor_rejected=0)
        assert scene.vendor.seen == []


async def test_a_discarded_letter_is_gone_and_stays_counted(operator: Operator, store: Store) -> None:
    """It had ended as rejected, and still has."""
    async with Scene(store, site_of(link())) as scene:
        await scene.full("e0", "e1")
        await bury(store)
        first, second = await ids(operator)
        assert await operator.says("dead-letters", "discard", first) == "discarded: 1 dead letter\n"
        assert await ids(operator) == [second]
        row = await operator.row()
        assert (row["rejected"], row["pending"], row["dead_letters"], row["adds_up"]) == (2, 0, 1, True)
        line = await operator.refused("dead-letters", "show", first, status=1)
        assert line.startswith(f"sayso: there is no dead letter {first}")


async def test_letters_are_chosen_by_forwarder_and_site(operator: Operator, store: Store) -> None:
    """One that another forwarder has is not touched."""
    async with Scene(store, site_of(link(), link(name="other"))) as scene:
        await scene.full("e0", "e1", to="vendor")
        await scene.full("e2", to="other")
        await bury(store)
        await bury(store, forwarder="other")
        assert len(await ids(operator)) == 3
        assert len(await ids(operator, "--forwarder", "other")) == 1
        assert await ids(operator, "--site", "outlet") == []
        assert "2 dead letters" in await operator.says("dead-letters", "retry", "--forwarder", "vendor")
        assert len(await ids(operator, "--site", "shop")) == 1


@pytest.mark.parametrize("word", ["retry", "discard"])
async def test_a_dry_run_changes_nothing(operator: Operator, store: Store, word: str) -> None:
    """It says how many it would have been, and the store is what it was."""
    async with Scene(store, site_of(link())) as scene:
        await scene.full("e0", "e1")
        await bury(store)
        before = await ids(operator), await operator.row()
        said = await operator.says("dead-letters", word, "--all", "--dry-run")
        assert said == f"would {word} 2 dead letters\n"
        one = await operator.says("dead-letters", word, before[0][0], "--dry-run")
        assert one == f"would {word} 1 dead letter\n"
        assert (await ids(operator), await operator.row()) == before


@pytest.mark.parametrize("word", ["retry", "discard"])
async def test_nothing_is_done_unless_it_is_said_to_what(operator: Operator, store: Store, word: str) -> None:
    """Neither to everything by mistake, nor to half of a list with a mistake in it."""
    async with Scene(store, site_of(link())) as scene:
        await scene.full("e0")
        await bury(store)
        (letter,) = await ids(operator)
        for arguments in ((), (letter, "--all"), (letter, "--site", "shop")):
            assert "say which" in await operator.refused("dead-letters", word, *arguments)
        for wrong in ("e0", "shop/vendor/0/x-0", "shop/vendor/0/1", "shop/vendor/7/1-0", "shop/mta/0/1-0"):
            await operator.refused("dead-letters", word, letter, wrong)
        await operator.refused("dead-letters", word, letter, "shop/vendor/0/1-0", status=1)
        assert await ids(operator) == [letter]


async def test_a_key_of_another_kind_costs_no_letter(operator: Operator, store: Store) -> None:
    """The script fails before it has written anything."""
    async with Scene(store, site_of(link())) as scene:
        await scene.full("e0")
        await bury(store)
        stream = outbox_keys(0, SITE, "vendor").stream
        await store.guarded(store.redis.delete(stream))
        await store.guarded(store.redis.set(stream, "spoilt"))
        await operator.refused("dead-letters", "retry", "--all", status=1)
        assert len(await ids(operator)) == 1
        counts = await store.guarded(store.redis.hgetall(partition_keys(0).counts))
        assert counts[b"o|shop|vendor|rejected|vendor_rejected"] == b"1"
