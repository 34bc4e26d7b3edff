"""``sayso audit``: verify, export and summary, as an operator and a privacy officer run them."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from proxy.assemble import now_ms
from proxy.audit.chain import key_of
from proxy.audit.daykeys import destroy_old
from proxy.audit.segments import segments
from proxy.cli import main
from proxy.identity import ref_of
from tests.support.own_valkey import Valkey
from tests.support.rig import DENY, GRANT, Rig, event
from tests.support.trail import write
from tests.support.whole import StartWhole, Whole


class Officer:
    """Someone with the configuration of an installation, whose store is at ``url``."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.dir = folder / "trail"
        self.config = folder / "sayso.toml"
        self.config.write_text(
            f"""
[server]
data_dir = "{folder / "data"}"
[store]
url = "{url}"
[audit]
dir = "trail"
[sites.shop]
hosts = ["shop.example"]
[sites.shop.policy]
preset = "consent-mode"
[sites.shop.forwarders.google_analytics]
measurement_id = "G-XXXXXXX"
api_secret = "secret"
""",
            encoding="utf-8",
        )

    async def run(self, *arguments: str) -> Result:
        """Run a command; anything that it raises fails the test."""
        environment = {"SAYSO_CONFIG": str(self.config)}
        runner = CliRunner(env=environment)
        return await asyncio.to_thread(runner.invoke, main, arguments, catch_exceptions=False)

    async def verified(self, status: int = 0) -> Any:
        """Return what ``sayso audit verify --json`` says."""
        result = await self.run("audit", "verify", "--json")
        assert result.exit_code == status, result.output
        return json.loads(result.stdout)

    async def exported(self, *options: str) -> list[dict[str, Any]]:
        """Return the rows of an export."""
        result = await self.run("audit", "export", *options)
        assert result.exit_code == 0, result.output
        return [json.loads(line) for line in result.stdout.splitlines()]


@asynccontextmanager
async def bought(start_whole: StartWhole, officer: Officer) -> AsyncIterator[tuple[Whole, str]]:
    """Have one visitor who grants and one who refuses buy something; write the trail; yield the first one's id."""
    whole = await start_whole()
    ids = []
    for number, state in enumerate((GRANT, DENY)):
        browser = whole.rig.browser()
        await browser.consent(state)
        await browser.collect(
            event("purchase", event_id=f"e{number}", params={"value": 3, "currency": "NOK"})
        )
        ids.append(browser.id)
    await whole.deliver()
    await whole.quiet()
    await write(whole.rig.store, officer.dir, whole.rig.key)
    assert ids[0] is not None
    yield whole, ids[0]


@pytest.fixture
def officer(audit_valkey: Valkey, tmp_path: Path) -> Officer:
    """Return one whose store is the tests'."""
    return Officer(tmp_path, audit_valkey.url)


def of(rig: Rig, event_id: str) -> str:
    """Return an event's ref."""
    return ref_of(rig.key, "shop", event_id)


async def test_a_whole_trail_is_said_to_be_whole_and_how_far_it_goes(
    start_whole: StartWhole, officer: Officer
) -> None:
    """Compared with the store; in one line for people."""
    async with bought(start_whole, officer):
        report = await officer.verified()
        assert report["whole"]
        assert report["compared_with_store"]
        assert report["rows"] == report["last"] == len(await officer.exported())
        assert report["waiting_records"] == 0
        said = (await officer.run("audit", "verify")).stdout
        assert said.startswith(f"the audit trail in {officer.dir} is whole: ")


@pytest.mark.parametrize("how", ["edit", "cut", "swap", "double", "empty", "nothing"])
async def test_every_change_of_the_files_is_found_and_said_where(
    start_whole: StartWhole, officer: Officer, how: str
) -> None:
    """The exit status is 1."""
    async with bought(start_whole, officer):
        (path,) = segments(officer.dir)
        lines = path.read_bytes().splitlines(keepends=True)
        match how:
            case "edit":
                lines[3] = lines[3].replace(b'"site":"shop"', b'"site":"shoq"')
            case "cut":
                del lines[-2:]
            case "swap":
                lines[2], lines[3] = lines[3], lines[2]
            case "double":
                lines.insert(2, lines[2])
            case "empty":
                lines = []
            case _:
                path.unlink()
        if path.exists():
            path.write_bytes(b"".join(lines))
        report = await officer.verified(status=1)
        assert not report["whole"]
        assert report["problems"]
        result = await officer.run("audit", "verify")
        assert result.exit_code == 1
        assert "NOT whole" in result.stdout
        if how in {"edit", "swap", "double"}:
            assert "line " in result.stdout


async def test_a_folder_that_was_emptied_and_begun_anew_is_found(
    start_whole: StartWhole, officer: Officer
) -> None:
    """The new chain is whole, but the store remembers the old one."""
    async with bought(start_whole, officer) as (whole, _):
        for path in list(officer.dir.iterdir()):  # a test's own few files
            path.unlink()
        await whole.rig.browser().collect(event())
        await write(whole.rig.store, officer.dir, whole.rig.key)
        report = await officer.verified(status=1)
        assert not report["flaws"]
        assert "is not there any more" in report["problems"][0]


async def test_what_still_waits_in_the_store_is_said(start_whole: StartWhole, officer: Officer) -> None:
    """It is no flaw."""
    async with bought(start_whole, officer) as (whole, _):
        await whole.rig.browser().collect(event())
        report = await officer.verified()
        assert report["waiting_records"] in {1, 2}  # its end may wait too
        assert "in the store, to be written as rows" in " ".join(report["notes"])


async def test_files_alone_are_verified_where_the_key_is_known_and_else_not_called_whole(
    start_whole: StartWhole, officer: Officer
) -> None:
    """Without the store nothing can be compared with it, and that is said."""
    async with bought(start_whole, officer) as (whole, _):
        text = officer.config.read_text().replace("unix://", "unix:///nowhere")
        officer.config.write_text(text)
        report = await officer.verified(status=1)
        assert "the hashes were not checked" in report["problems"][0]
        assert not report["flaws"]
        officer.folder.joinpath("data").mkdir()
        officer.folder.joinpath("data", "audit.key").write_text(key_of(whole.rig.key).hex())
        report = await officer.verified()
        assert not report["compared_with_store"]
        assert "not compared with the store" in report["notes"][0]


async def test_an_empty_trail_is_whole(officer: Officer) -> None:
    """As before the first event."""
    assert (await officer.verified())["rows"] == 0
    assert "no rows yet" in (await officer.run("audit", "verify")).stdout
    assert await officer.exported() == []


async def test_an_export_takes_times_sites_and_forwarders(start_whole: StartWhole, officer: Officer) -> None:
    """Rows come as they stand in the files."""
    async with bought(start_whole, officer):
        rows = await officer.exported()
        assert [row["seq"] for row in rows] == list(range(1, len(rows) + 1))
        assert await officer.exported("--since", "1h") == rows
        assert await officer.exported("--until", "1h") == []
        assert await officer.exported("--site", "other") == []
        assert {row["forwarder"] for row in await officer.exported("--forwarder", "meta")} == {"meta"}
        result = await officer.run("audit", "export", "--since", "yesterday")
        assert result.exit_code == 2
        assert result.stderr.startswith("sayso: --since ")


async def test_a_visitors_rows_are_found_while_the_days_key_lives_and_by_nobody_after(
    start_whole: StartWhole, officer: Officer
) -> None:
    """Also those that say how the visitor's events ended."""
    async with bought(start_whole, officer) as (whole, visitor):
        rows = await officer.exported("--visitor", visitor)
        assert {row["ref"] for row in rows} == {of(whole.rig, "e0")}
        assert {row["kind"] for row in rows} == {"decided", "ended"}
        assert await officer.exported("--visitor", visitor[::-1]) == []
        await destroy_old(whole.rig.store, now_ms() + 91 * 86_400_000, 90)
        assert await officer.exported("--visitor", visitor) == []
        assert (await officer.run("audit", "export", "--visitor", "kari")).exit_code == 2


async def test_a_summary_says_who_got_which_fields_in_which_mode_how_often(
    start_whole: StartWhole, officer: Officer
) -> None:
    """As a breach asks for, within 72 hours."""
    async with bought(start_whole, officer) as (whole, _):
        result = await officer.run("audit", "summary", "--json")
        sent = {(one["forwarder"], one["mode"]): one for one in json.loads(result.stdout)["sent"]}
        assert set(sent) == {
            ("google_analytics", "full"),
            ("google_analytics", "cookieless"),
            ("google_ads", "cookieless"),
            ("meta", "full"),
            ("microsoft", "full"),
        }
        assert sent["google_ads", "cookieless"]["events"] == 2
        assert sent["meta", "full"]["delivered"] == 1
        assert sent["meta", "full"]["fields"]["name"] == 1
        assert sent["meta", "full"]["policy"] == whole.rig.sites[0].policy.version
        assert "contact" not in sent["google_analytics", "cookieless"]["fields"]
        text = (await officer.run("audit", "summary", "--since", "1h")).stdout
        assert "shop meta full" in text
        assert (await officer.run("audit", "summary", "--until", "1h")).stdout.startswith("nothing was sent")


async def test_files_that_cannot_be_read_are_one_line(officer: Officer) -> None:
    """Never a traceback."""
    officer.dir.mkdir()
    (officer.dir / "2026-11-22.jsonl").mkdir()
    for command in ("verify", "export", "summary"):
        result = await officer.run("audit", command)
        assert result.exit_code == 1
        (line,) = (result.stderr or result.stdout).splitlines()
        assert line.startswith("sayso: the audit trail in ")
