"""A whole gateway, delivery and vendors: a row for each decision and for each outcome, and they agree with the counters."""

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from forwarders.base import Batch
from proxy.delivery.backoff import Patience
from proxy.event import FullEvent
from proxy.identity import ref_of
from proxy.reasons import Decision, OutcomeReason
from proxy.store.client import Store
from proxy.store.keys import outbox_keys
from tests.support.canaries import LISTED_PARAM, Canary
from tests.support.delivery import FAST, SITE, Scene, TestForwarder, link, site_of
from tests.support.leaks import Needles
from tests.support.operating import Operator
from tests.support.own_valkey import Valkey
from tests.support.rig import ADS, DENY, GRANT, STATS, Rig, event, site
from tests.support.trail import assert_agrees, checked, everything_in, of_kind, write
from tests.support.vendor import Reply, Seen
from tests.support.waiting import wait_until
from tests.support.whole import StartWhole

STATES: dict[str, dict[str, str]] = {
    "everything": dict(GRANT),
    "statistics": {**STATS, **dict.fromkeys(ADS, "denied")},
    "nothing": dict(DENY),
}


async def counts(store: Store) -> dict[str, int]:
    """Return all counters."""
    found: Any = await store.redis.hgetall("sayso:{p0}:counts")
    return {name.decode(): int(number) for name, number in found.items() if int(number)}


async def test_every_decision_and_every_delivery_has_its_row(start_whole: StartWhole, tmp_path: Path) -> None:
    """Of visitors who allow everything, something, nothing, and have not answered; duplicates too."""
    whole = await start_whole()
    rig = whole.rig
    for number, state in enumerate([*STATES.values(), None]):
        browser = rig.browser()
        if state is not None:
            await browser.consent(state)
        purchase = event("purchase", event_id=f"e{number}", params={"value": 3, "currency": "NOK"})
        for name in (purchase, purchase, event("page_view", event_id=f"p{number}"), event("page_view")):
            assert (await browser.collect(name)).status == 204
    await whole.deliver()
    await whole.quiet()
    found = await write(rig.store, tmp_path, rig.key)
    assert_agrees(found, await rig.counts())
    checked(tmp_path, rig.key)
    assert len(of_kind(found, "decided")) == 4 * 4 * 4
    granted = of_kind(found, "decided", ref=_ref(rig, "e0"), forwarder="meta")[0]
    assert granted["decision"] == "full"
    assert granted["signals"] == "gggg"
    assert granted["source"] == "page"
    assert "visitor" in granted["removed"]  # type: ignore[operator]  # a list
    (ended,) = of_kind(found, "ended", ref=_ref(rig, "e0"), forwarder="meta")
    assert (ended["outcome"], ended["status"], ended["mode"], ended["first"]) == (
        "delivered",
        200,
        "full",
        True,
    )


def _ref(rig: Rig, event_id: str) -> str:
    return ref_of(rig.key, "shop", event_id)


async def test_nothing_of_a_visitor_is_in_the_trail_in_store_or_files(
    start_whole: StartWhole, tmp_path: Path
) -> None:
    """Whatever marks an event, its request and its visitor bear, in whichever encoding."""
    policy = {"preset": "consent-mode", "cookieless_params": [LISTED_PARAM]}
    whole = await start_whole({"shop": site(policy=policy)}, server={"trusted_proxies": ["127.0.0.0/8"]})
    needles = Needles()
    for number, (name, state) in enumerate(STATES.items()):
        canary = Canary(name, f"203.0.{113 + number}.77")
        browser = canary.browser(whole.rig.browser())
        await browser.consent(canary.statement(state))
        await browser.collect(canary.purchase())
        await browser.collect(canary.purchase())
        if browser.id is not None:
            canary.marks["id"] = browser.id
        canary.add_to(needles)
    before: Any = await whole.rig.ask("XRANGE", "sayso:{p0}:trail", "-", "+")
    await whole.deliver()
    await whole.quiet()
    after: Any = await whole.rig.ask("XRANGE", "sayso:{p0}:trail", "-", "+")
    waited = b"\n".join(value for _, fields in [*before, *after] for value in fields.values())
    found = await write(whole.rig.store, tmp_path, whole.rig.key)
    assert len(found) > 20
    files = everything_in(tmp_path)
    assert needles.find(waited) == set()
    assert needles.find(files) == set()


# --- what becomes of entries, made with a vendor that does as it is told ---------------------------------------------


class Picky(TestForwarder):
    """Would surely be refused events of one name, and takes one at a time."""

    batch: ClassVar[Batch] = Batch(limit=1)

    def problem(self, event: FullEvent) -> str | None:
        """Refuse one."""
        return "no such thing" if event.name == "bad" else None


async def test_every_way_to_end_has_its_row(store: Store, tmp_path: Path) -> None:
    """Delivered, refused, surely refused, withdrawn, lowered, too old: agreeing with the counters, in words too."""
    links = link(Picky()), link(name="strict", otherwise=Decision.DROP)

    def answer(seen: Seen) -> Reply:
        if b"refused" in seen.body:
            return Reply(400, {"error": "who is kari@example.com?"})
        return Reply(json={})

    async with Scene(store, site_of(*links)) as scene:
        scene.vendor.answers["vendor.example"] = answer
        await scene.decide("gggg")
        await scene.full("fine")
        await scene.full("refused-1")
        await scene.full("bad-1", name="bad")
        await scene.full("lowered", visitor="gone", read_at=1)
        await scene.full("dropped", visitor="gone", read_at=1, to="strict")
        await scene.full("old", accepted_ms=1, time_ms=1)
        await scene.ping("ping")
        await scene.decide("dddd", visitor="gone", mode="withdraw")
        await scene.work()
        await scene.settled("strict", dropped_withdrawn=1)
        await scene.settled(delivered_accepted=3, rejected_vendor_rejected=2, expired_too_old=1)
        found = await write(scene.store, tmp_path)
        counted = await counts(scene.store)
    ends = {name: number for name, number in counted.items() if name.startswith("o|")}
    told: Counter[str] = Counter(
        f"o|{row['site']}|{row['forwarder']}|{row['outcome']}|{row['reason']}"
        for row in of_kind(found, "ended")
    )
    assert dict(told) == ends
    (lowered,) = of_kind(found, "lowered")
    assert lowered["mode"] == "cookieless"
    (refused,) = of_kind(found, "ended", reason=OutcomeReason.VENDOR_REJECTED.value, status=400)
    assert refused["fields"]
    assert "kari" not in str(found)
    unsent = [row for row in of_kind(found, "ended") if row["outcome"] in {"expired", "dropped"}]
    assert len(unsent) == 2
    assert all("fields" not in row for row in unsent)


async def test_an_attempt_that_does_not_end_an_entry_has_a_row_for_what_went_out(
    store: Store, tmp_path: Path
) -> None:
    """The first, with what it told; later ones tell nothing new."""
    async with Scene(store, site_of(link())) as scene:
        scene.vendor.queue += [Reply(500), Reply(503)]
        await scene.decide("gggg")
        await scene.full("a")
        await scene.work(pace=replace(FAST, patience=Patience(failures=9)), chance=lambda: 0.0)
        await scene.settled(delivered_accepted=1)
        found = await write(scene.store, tmp_path)
    (tried,) = of_kind(found, "tried")
    assert (tried["status"], tried["first"], tried["mode"]) == (500, True, "full")
    (ended,) = of_kind(found, "ended")
    assert (ended["status"], ended["first"]) == (200, False)
    assert ended["tries"] == 2
    assert ended["fields"] == tried["fields"]


async def test_what_was_refused_over_credentials_went_out_all_the_same(store: Store, tmp_path: Path) -> None:
    """A vendor that answers 401 has had the request; one whose connection broke may have."""
    async with Scene(store, site_of(link())) as scene:
        scene.vendor.queue += [Reply(401)]
        await scene.decide("gggg")
        await scene.full("a")
        await scene.work()
        await scene.settled(delivered_accepted=1)
        scene.vendor.queue += [Reply(reset=True)]
        await scene.full("b")
        await scene.settled(delivered_accepted=2)
        found = await write(scene.store, tmp_path)
    assert [(row["kind"], row["status"], row["first"]) for row in found] == [
        ("tried", 401, True),
        ("ended", 200, False),
        ("tried", None, True),
        ("ended", 200, False),
    ]


async def test_where_no_connection_was_made_nothing_went_out(store: Store, tmp_path: Path) -> None:
    """And so there is no row about it."""
    async with Scene(store, site_of(link())) as scene:
        await scene.decide("gggg")
        await scene.full("a")
        await scene.work(origin="http://127.0.0.1:9")
        keys = outbox_keys(0, SITE, "vendor")

        async def tried() -> bool:
            return bool(await scene.store.redis.hlen(keys.tries))

        await wait_until(tried, what="an attempt")
        found = await write(scene.store, tmp_path)
    assert found == []


async def test_what_is_sent_again_says_so(store: Store, audit_valkey: Valkey, tmp_path: Path) -> None:
    """A dead letter that was retried ends twice; the row in between says why."""
    async with Scene(store, site_of(link())) as scene:
        scene.vendor.queue += [Reply(400)]
        await scene.decide("gggg")
        await scene.full("a")
        await scene.work()
        await scene.settled(rejected_vendor_rejected=1)
        operator = Operator(tmp_path, audit_valkey.url)
        await operator.says("dead-letters", "retry", "--all")
        await scene.settled(delivered_accepted=1, rejected_vendor_rejected=0)
        found = await write(scene.store, tmp_path / "audit")
    assert [(row["kind"], row.get("outcome")) for row in found] == [
        ("ended", "rejected"),
        ("again", "rejected"),
        ("ended", "delivered"),
    ]


async def test_a_full_outbox_is_told_and_a_refused_request_leaves_nothing(
    start_whole: StartWhole, tmp_path: Path
) -> None:
    """What was answered with 503 comes again; what was dropped for one forwarder does not."""
    whole = await start_whole(delivery={"max_entries": 1})
    browser = whole.rig.browser()
    for number in range(2):
        assert (await browser.collect(event(event_id=f"e{number}"))).status == 204
    found = await write(whole.rig.store, tmp_path / "drop", whole.rig.key)
    assert_agrees(found, await whole.rig.counts())
    (full,) = of_kind(found, "decided", outcome_reason="outbox_full")
    assert (full["forwarder"], full["ref"]) == ("google_analytics", _ref(whole.rig, "e1"))
    refusing = await start_whole(delivery={"max_entries": 1, "when_full": "refuse"})
    assert (await refusing.rig.browser().collect(event(event_id="e9"))).status == 503
    again = await write(refusing.rig.store, tmp_path / "refuse", refusing.rig.key)
    assert not of_kind(again, "decided", ref=_ref(refusing.rig, "e9"))
