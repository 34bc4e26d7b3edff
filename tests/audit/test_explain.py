"""``sayso explain``: in plain words what happened to an event at each forwarder and why, wherever it is by now."""

import json
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from forwarders.base import Batch
from proxy.assemble import now_ms
from proxy.delivery.backoff import Patience
from proxy.entry import Entry, encode
from proxy.identity import ref_of
from proxy.operate.account import Account, accounts_of
from proxy.operate.desk import Desk, MissingError, MistakeError
from proxy.operate.explain import explain
from proxy.operate.explain_words import described, sentence, told
from proxy.reasons import IN_WORDS, OUTCOMES_IN_WORDS, Decision, OutcomeReason, Reason
from proxy.store.client import Store
from proxy.store.keys import outbox_keys
from proxy.store.outbox import Put
from tests.support.delivery import FAST, SITE, Scene, TestForwarder, link, site_of
from tests.support.events import full_event
from tests.support.operating import Operator
from tests.support.own_valkey import Valkey
from tests.support.rig import ADS, DENY, GRANT, Rig, event
from tests.support.trail import write
from tests.support.vendor import Reply
from tests.support.waiting import wait_until
from tests.support.whole import StartWhole


def desk_of(rig: Rig, folder: Path) -> Desk:
    """Return an operator's desk at a rig's installation, whose files are in a folder."""
    audit = rig.settings.audit.model_copy(update={"dir": folder})
    settings = rig.settings.model_copy(update={"audit": audit})
    return Desk(settings, rig.sites, rig.store, rig.key)


async def sentences(desk: Desk, event_id: str) -> dict[str, str]:
    """Return what is said of an event, by forwarder."""
    (found,) = await explain(desk, event_id, None)
    return {one.forwarder: sentence(one) for one in found.accounts}


BUY = {"params": {"value": 3, "currency": "NOK"}}


async def test_a_delivered_event_is_told_from_acceptance_to_the_vendors_answer(
    start_whole: StartWhole, tmp_path: Path
) -> None:
    """Whether its rows are in the files already or not; by its own id, or by the name under which it is known inside."""
    whole = await start_whole()
    browser = whole.rig.browser()
    await browser.consent(GRANT)
    await browser.collect(event("purchase", event_id="e1", **BUY))
    desk = desk_of(whole.rig, tmp_path)
    waiting = await sentences(desk, "e1")
    assert waiting["meta"].startswith("waits to be sent in full, because the visitor consented to all")
    await whole.deliver()
    await whole.quiet()
    before = await sentences(desk, "e1")
    await write(whole.rig.store, tmp_path, whole.rig.key)
    after = await sentences(desk, "e1")
    assert before == after == await sentences(desk, ref_of(whole.rig.key, "shop", "e1"))
    assert after["meta"].startswith("sent in full at 20")
    assert "because the visitor consented to all that this vendor needs" in after["meta"]
    assert after["meta"].endswith("; the vendor accepted it (HTTP 200)")
    (found,) = await explain(desk, "e1", "shop")
    assert "accepted at 20" in told(found)
    assert "ad_storage granted" in told(found)
    body: Any = described(found)
    assert {one["state"] for one in body["forwarders"]} == {"delivered"}
    assert [row["kind"] for row in body["forwarders"][0]["rows"]] == ["decided", "ended"]


async def test_a_cookieless_or_dropped_event_names_the_signal_that_was_missing(
    start_whole: StartWhole, tmp_path: Path
) -> None:
    """And why: refused, or not answered yet."""
    whole = await start_whole()
    refusing, silent = whole.rig.browser(), whole.rig.browser()
    await refusing.consent(DENY)
    for number, browser in enumerate((refusing, silent)):
        await browser.collect(event("purchase", event_id=f"e{number}", **BUY))
    await whole.deliver()
    await whole.quiet()
    desk = desk_of(whole.rig, tmp_path)
    refused, unanswered = await sentences(desk, "e0"), await sentences(desk, "e1")
    assert refused["google_analytics"].startswith("sent cookieless (nothing in it names the visitor) at ")
    assert (
        "because the visitor said no (missing: analytics_storage); the vendor accepted it"
        in (refused["google_analytics"])
    )
    assert refused["meta"] == "not sent, because the visitor said no (missing: ad_storage)"
    assert unanswered["meta"] == "not sent, because the visitor has not answered yet (missing: ad_storage)"
    assert set(ADS) >= {"ad_storage"}


async def test_repeats_of_an_event_are_told_with_it(start_whole: StartWhole, tmp_path: Path) -> None:
    """It was forwarded once."""
    whole = await start_whole()
    browser = whole.rig.browser()
    for _ in range(3):
        await browser.collect(event("purchase", event_id="e1", **BUY))
    await whole.deliver()
    await whole.quiet()
    await write(whole.rig.store, tmp_path, whole.rig.key)
    found = await sentences(desk_of(whole.rig, tmp_path), "e1")
    assert found["google_analytics"].endswith("; 2 repeats of it were not sent")


async def test_an_event_that_nobody_knows_says_how_far_back_was_looked(
    start_whole: StartWhole, tmp_path: Path
) -> None:
    """One of another site, or with a wrong site, is none."""
    whole = await start_whole()
    desk = desk_of(whole.rig, tmp_path)
    with pytest.raises(MissingError, match="the audit trail has no rows"):
        await explain(desk, "nobody", None)
    await whole.rig.browser().collect(event(event_id="e1"))
    await write(whole.rig.store, tmp_path, whole.rig.key)
    with pytest.raises(MissingError, match="rows of the audit trail go back to 20"):
        await explain(desk, "nobody", None)
    with pytest.raises(MistakeError):
        await explain(desk, "e1", "nowhere")


# --- entries that wait, were lowered, withdrawn, refused -------------------------------------------------------------


@pytest.fixture
def operator(audit_valkey: Valkey, tmp_path: Path) -> Operator:
    """Return an operator of the sites of ``Scene``."""
    return Operator(tmp_path, audit_valkey.url)


class One(TestForwarder):
    """Takes one event at a time."""

    batch = Batch(limit=1)


async def put(scene: Scene, ref: str, decision: str = "full", reason: str = "granted", **entry: Any) -> str:
    """Put an event with this ref into the outbox, as the gateway does: with what the trail says of it."""
    whole_ref = f"{ref:0<24}".encode().hex()[:24]
    said = [
        whole_ref, SITE, 20_779, "gggg", False, "page", "00", None, "v1", 7,
        [["vendor", f"{decision}|{reason}", None, 7, ""]],
    ]  # fmt: skip
    now = now_ms()
    accepted_ms, read_at = entry.pop("accepted_ms", now), entry.pop("read_at", now)
    event = full_event(event_id="e", **{"time_ms": now, **entry})
    raw = encode(Entry(event, whole_ref, "visitor-1", accepted_ms, read_at, "v1"))
    parts: list[tuple[str, str, bytes | None]] = [("vendor", f"{decision}|{reason}", raw)]
    await scene.outbox.put([Put(whole_ref, False, SITE, parts, json.dumps(said).encode())])
    return whole_ref


async def test_a_pending_event_says_how_often_it_was_tried_and_what_holds_it(
    store: Store, operator: Operator
) -> None:
    """And what the vendor said."""
    async with Scene(store, site_of(link(One()))) as scene:
        scene.vendor.answers["vendor.example"] = lambda _: Reply(401, {"error": "who is kari@example.com?"})
        await scene.decide("gggg")
        ref = await put(scene, "a")
        await scene.work(pace=replace(FAST, patience=Patience(paused_s=(60.0, 60.0))))

        async def paused() -> bool:
            (found,) = await operator.tells("explain", ref)
            return bool(found["forwarders"][0]["forwarder_state"])

        await wait_until(paused, what="a pause", within_s=20)
        text = await operator.says("explain", ref)
        assert "waits to be sent in full" in text
        assert "the forwarder is paused" in text
        assert "kari" not in text
        ((row,),) = [one["forwarders"] for one in await operator.tells("explain", ref)]
        assert row["state"] == "pending"
        assert [one["kind"] for one in row["rows"]] == ["decided", "tried"]


async def test_a_parked_event_says_when_it_is_tried_again(store: Store, operator: Operator) -> None:
    """By the partition's time."""
    async with Scene(store, site_of(link(One()))) as scene:
        scene.vendor.answers["vendor.example"] = lambda _: Reply(503, headers={"Retry-After": "600"})
        await scene.decide("gggg")
        ref = await put(scene, "a")
        await scene.work()
        keys = outbox_keys(0, SITE, "vendor")

        async def parked() -> bool:
            return bool(await scene.store.redis.zcard(keys.parked))

        await wait_until(parked, what="a delay")
        ((row,),) = [one["forwarders"] for one in await operator.tells("explain", ref)]
        assert row["next_in_seconds"] == pytest.approx(600, abs=120)
        assert "next try in 1" in row["words"] or "next try in 9" in row["words"]


async def test_withdrawal_reaches_the_explanation(store: Store, operator: Operator) -> None:
    """Lowered where the forwarder may have a ping, else not sent; and why."""
    for otherwise in (Decision.COOKIELESS, Decision.DROP):
        async with Scene(store, site_of(link(One(), otherwise=otherwise))) as scene:
            ref = await put(scene, otherwise.value[:3], read_at=1)
            await scene.decide("dddd", mode="withdraw")
            delivery = await scene.work()
            await wait_until(partial(_empty, scene), what="an end")
            await delivery.stop()
        ((row,),) = [one["forwarders"] for one in await operator.tells("explain", ref)]
        assert OUTCOMES_IN_WORDS[OutcomeReason.WITHDRAWN] in row["words"]
        if otherwise is Decision.COOKIELESS:
            assert row["words"].startswith("sent cookieless (nothing in it names the visitor) at ")
            assert row["state"] == "delivered"
        else:
            assert "not sent: the visitor took their consent back" in row["words"]
            assert (row["state"], row["outcome_reason"]) == ("dropped", "withdrawn")


async def _empty(scene: Scene) -> bool:
    return (await scene.account()).pending == 0


async def test_a_refused_event_tells_the_vendors_words_but_not_what_they_quote(
    store: Store, operator: Operator
) -> None:
    """From the dead letter, as long as it is kept."""
    async with Scene(store, site_of(link(One()))) as scene:
        scene.vendor.answers["vendor.example"] = lambda _: Reply(
            400, raw=b"no: kari@example.com has a bad purchase"
        )
        await scene.decide("gggg")
        ref = await put(scene, "a")
        await scene.work()
        await wait_until(partial(_empty, scene), what="an end")
    ((row,),) = [one["forwarders"] for one in await operator.tells("explain", ref)]
    assert row["state"] == "rejected"
    assert row["status"] == 400
    assert row["dead_letter"].startswith("shop/vendor/0/")
    assert "the vendor refused it, or surely would have (HTTP 400)" in row["words"]
    assert "kari" not in json.dumps(row)
    await operator.says("dead-letters", "discard", "--all")
    ((row,),) = [one["forwarders"] for one in await operator.tells("explain", ref)]
    assert row["dead_letter"] is None
    assert row["state"] == "rejected"


async def test_an_expired_event_and_one_that_was_sent_again(store: Store, operator: Operator) -> None:
    """Each in words of its own."""
    async with Scene(store, site_of(link(One()))) as scene:
        await scene.decide("gggg")
        old = await put(scene, "b", accepted_ms=1, time_ms=1)
        scene.vendor.queue.append(Reply(400))
        again = await put(scene, "c")
        await scene.work()
        await wait_until(partial(_empty, scene), what="an end")
        await operator.says("dead-letters", "retry", "--all")
        await wait_until(partial(_empty, scene), what="another end")
    assert "not delivered: it became too old before it could be delivered" in await operator.says(
        "explain", old
    )
    text = await operator.says("explain", again)
    assert "the vendor accepted it (HTTP 200); it was sent again by an operator" in text


async def test_the_command_ends_with_1_and_one_line_if_nothing_is_known(
    operator: Operator, store: Store
) -> None:
    """As every command does."""
    assert await store.ping()
    line = await operator.refused("explain", "nobody", status=1)
    assert "nothing is known of this event" in line
    await operator.refused("explain", "nobody", "--site", "nowhere", status=2)


# --- words -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reason", list(Reason))
@pytest.mark.parametrize("decision", list(Decision))
def test_every_decision_and_reason_has_words(decision: Decision, reason: Reason) -> None:
    """Without naming a code."""
    row: dict[str, object] = {
        "kind": "decided", "t": "2026-11-22T12:03Z", "site": "s", "forwarder": "f", "ref": "r",
        "decision": decision.value, "reason": reason.value, "signals": "gdug",
    }  # fmt: skip
    if decision is Decision.DROP:
        row["outcome"] = "dropped"
    if reason is Reason.DUPLICATE:
        return
    (account,) = accounts_of("s", "r", [row]).accounts
    assert IN_WORDS[reason] in sentence(account)


@pytest.mark.parametrize("reason", list(OutcomeReason))
@pytest.mark.parametrize("outcome", ["delivered", "rejected", "dropped", "expired"])
def test_every_outcome_and_reason_has_words(outcome: str, reason: OutcomeReason) -> None:
    """Whatever combination a later version makes."""
    decided: dict[str, object] = {
        "kind": "decided", "t": "2026-11-22T12:03Z", "forwarder": "f", "decision": "full", "reason": "granted",
        "signals": "gggg",
    }  # fmt: skip
    ended: dict[str, object] = {
        "kind": "ended", "t": "2026-11-22T12:04Z", "forwarder": "f", "outcome": outcome, "reason": reason.value,
        "tries": 2, "status": 500, "first": False,
    }  # fmt: skip
    account = Account("f", [decided, ended])
    assert account.state == outcome
    assert sentence(account)
    full: dict[str, object] = {**decided, "outcome": "dropped", "outcome_reason": "outbox_full"}
    assert OUTCOMES_IN_WORDS[OutcomeReason.OUTBOX_FULL] in sentence(Account("f", [full]))


def test_only_repeats_are_known() -> None:
    """The first is older than the trail."""
    row: dict[str, object] = {
        "kind": "decided", "t": "2026-11-22T12:03Z", "forwarder": "f", "decision": "drop", "reason": "duplicate",
        "outcome": "dropped",
    }  # fmt: skip
    found = accounts_of("s", "r", [row])
    assert "the same event was received before" in told(found)
