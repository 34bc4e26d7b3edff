"""``sayso consent export``: what a privacy officer hands to a visitor who asks what is held."""

import json
import stat
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # it has no types

from proxy.store.client import Store
from proxy.store.keys import outbox_keys
from tests.support.delivery import SITE, Scene, link, site_of
from tests.support.operating import Operator

VISITOR = "V" * 22
OTHER = "W" * 22
SCHEMA: Any = json.loads(
    (Path(__file__).parents[3] / "docs" / "consent-record.schema.json").read_text(encoding="utf-8")
)


async def fill(scene: Scene) -> None:
    """Leave something of two visitors everywhere."""
    for visitor in (VISITOR, OTHER):
        await scene.decide("gggg", visitor=visitor)
        await scene.consents.begin_session(SITE, visitor, 1_795_000_000)
        await scene.full(f"waiting-{visitor[0]}", visitor=visitor)
        await scene.full(f"dead-{visitor[0]}", f"sent-{visitor[0]}", visitor=visitor)
        keys = outbox_keys(0, SITE, "vendor")
        redis: Any = scene.store.redis
        for (entry_id, fields), stream in zip(
            (await redis.xrevrange(keys.stream, count=2)), (keys.sent, keys.dead), strict=True
        ):
            await redis.xadd(stream, {**fields, "o": "rejected", "w": "words of a vendor on ola@example.com"})
            await redis.xdel(keys.stream, entry_id)
    await scene.decide("gddd", visitor=VISITOR)


async def test_everything_that_is_held_is_shown(operator: Operator, store: Store) -> None:
    """State, decisions, session, and events with their fields wherever they lie; nothing of anybody else."""
    async with Scene(store, site_of(link())) as scene:
        await fill(scene)
        body = await operator.tells("consent", "export", VISITOR)
        shop, outlet = body["sites"]
        assert body["visitor"] == VISITOR
        assert shop["state"]["analytics_storage"] == "granted"
        assert shop["state"]["ad_storage"] == "denied"
        assert shop["session_start"] == 1_795_000_000
        assert [one["event"]["kind"] for one in shop["records"]] == ["given", "withdrawn"]
        for record in shop["records"]:
            Draft202012Validator(SCHEMA).validate(record)
        assert {(one["where"], one["event"]["event_id"]) for one in shop["events"]} == {
            ("pending", "waiting-V"),
            ("dead_letter", "dead-V"),
            ("sent_copy", "sent-V"),
        }
        assert {one["forwarder"] for one in shop["recipients"]} == {"vendor", "other"}
        assert outlet["state"]["record"] == "absent"
        assert outlet["records"] == outlet["events"] == []
        text = json.dumps(body)
        for others in ("-W", OTHER, "ola@example.com"):
            assert others not in text


async def test_it_is_written_to_a_file_that_nobody_else_reads(
    operator: Operator, store: Store, tmp_path: Path
) -> None:
    """Also over one that was there before, as lines where that is asked for."""
    async with Scene(store, site_of(link())) as scene:
        await fill(scene)
        file = tmp_path / "export.jsonl"
        file.write_text("old", encoding="utf-8")
        file.chmod(0o644)
        said = await operator.says(
            "consent", "export", VISITOR, "--site", "shop", "--jsonl", "--output", str(file)
        )
        assert VISITOR not in said
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
        assert [one["kind"] for one in lines] == ["state", "record", "record", "event", "event", "event"]
        assert {one["site"] for one in lines} == {"shop"}
        assert {one["visitor"] for one in lines} == {VISITOR}


async def test_what_a_removed_site_has_left_is_found(operator: Operator, store: Store) -> None:
    """Its entries are there for up to 72 hours, and are as much the visitor's as others."""
    async with Scene(store, site_of(link())) as scene:
        await scene.full("e1", visitor=VISITOR)
        text = operator.config.read_text(encoding="utf-8").replace("[sites.shop", "[sites.new")
        operator.config.write_text(text, encoding="utf-8")
        body = await operator.tells("consent", "export", VISITOR)
        found = {
            one["site"]: [event["event"]["event_id"] for event in one["events"]] for one in body["sites"]
        }
        assert found == {"new": [], "outlet": [], "shop": ["e1"]}


async def test_it_changes_nothing(operator: Operator, store: Store) -> None:
    """Nothing is made by a question, of whomever."""
    await operator.says("status")
    before = sorted(await store.guarded(store.redis.keys("*")))
    await operator.says("consent", "export", VISITOR)
    assert sorted(await store.guarded(store.redis.keys("*"))) == before


async def test_a_mistake_is_one_line(operator: Operator, tmp_path: Path) -> None:
    """And repeats nothing that may be personal."""
    assert "kari" not in await operator.refused("consent", "export", "kari@example.com")
    assert "there are shop, outlet" in await operator.refused("consent", "export", VISITOR, "--site", "shp")
    missing = str(tmp_path / "no" / "folder")
    line = await operator.refused("consent", "export", VISITOR, "--output", missing, status=1)
    assert "cannot write" in line
