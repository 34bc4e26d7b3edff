"""The matrix as it is printed, and the command that prints it."""

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from proxy.cli import main
from proxy.forwarder_modules import shipped
from proxy.matrix import preset_sheet, sheets
from proxy.matrix_text import as_json, as_markdown, as_text, written
from proxy.policy import PRESET_NAMES, load_preset
from tests.support.events import STANZAS
from tests.support.matrices import named, site

PRESETS = pytest.mark.parametrize("preset", PRESET_NAMES)


# --- forms ----------------------------------------------------------------------------------------------------------


@PRESETS
def test_a_preset_is_printed_whole(preset: str) -> None:
    """Every line of its file, in each form."""
    sheet = named(preset)
    lines = [line for line in load_preset(preset).text.splitlines() if line]
    text, markdown = as_text([sheet]), as_markdown([sheet])
    assert [line for line in lines if line not in text or line not in markdown] == []
    [described] = json.loads(as_json([sheet]))["presets"]
    assert described["text"] == load_preset(preset).text


def test_json_has_every_row_with_everything_in_it() -> None:
    """For machines: one object per place, with the words of the enums."""
    sheet = preset_sheet("consent-mode", every=True)
    [described] = json.loads(as_json([sheet]))["presets"]
    assert len(described["rows"]) == len(sheet.rows)
    assert described["rows"][0] == {
        "state": "never answered",
        "code": "uuuu",
        "gpc": False,
        "events": "conversion",
        "forwarder": "google_analytics",
        "decision": "cookieless",
        "reason": "consent_unknown",
        "signal": "analytics_storage",
        "fields": list(sheet.rows[0].fields or ()),
        "unidentified": None,
    }


def test_text_joins_events_that_fare_alike_and_says_what_each_sends() -> None:
    """One line per state, a number for its fields, and the fields below."""
    text = as_text([named("consent-mode")])
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert "denied dddd conversion, any other event cookieless consent_denied (analytics_storage) 1" in lines
    assert "denied dddd conversion cookieless consent_denied (ad_storage) 1" in lines
    assert "any any other event drop not_configured" in lines
    assert not any(line.startswith("denied dddd any other event drop not_configured") for line in lines)
    assert any(line.startswith("1: cookieless: name, url, referrer") for line in lines)
    assert "without click id or contact data: cookieless (no_identifier)" in " ".join(lines)
    assert "1: this vendor's forwarder is not part of this version" in lines


def test_markdown_has_tables() -> None:
    """Every line of a table has its six cells."""
    rows = [line for line in as_markdown([named("eea-strict")]).splitlines() if line.startswith("|")]
    assert len(rows) > 60
    assert {line.count("|") for line in rows} == {7}


def test_no_secret_is_printed() -> None:
    """Neither a site's nor the made-up ones."""
    shop = site(
        ingest_keys=["secret-of-ingest"],
        policy={"preset": "consent-mode"},
        forwarders={name: STANZAS[name] for name in shipped() if name in STANZAS},
    )
    shown = sheets(PRESET_NAMES, {"shop": shop}, every=False)
    for form in ("text", "markdown", "json"):
        text = written(shown, form)
        assert "secret-of" not in text
        assert "private_key" not in text
        assert "987654321" not in text


# --- the command ----------------------------------------------------------------------------------------------------

CONFIG = """
[sites.shop]
origins = ["https://shop.example"]
[sites.shop.policy]
preset = "notice-2021"
[sites.shop.forwarders.google_analytics]
measurement_id = "G-ABC1234"
api_secret = "an-analytics-secret"
[sites.shop.visitor]
[sites.outlet]
hosts = ["outlet.example"]
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Run in an empty folder without a configuration."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SAYSO_CONFIG", raising=False)
    return tmp_path


def run(*arguments: str) -> Result:
    """Run ``sayso matrix``."""
    return CliRunner().invoke(main, ["matrix", *arguments])


def configuration(folder: Path) -> Path:
    """Write a configuration of two sites."""
    path = folder / "mine.toml"
    path.write_text(
        CONFIG.replace("[sites.shop]", '[sites.shop]\nhosts = ["shop.example"]', 1), encoding="utf-8"
    )
    return path


def shown(result: Result) -> tuple[list[str], list[str]]:
    """Return the presets and sites of an answer in text."""
    assert result.exit_code == 0, result.output
    titles = re.findall(r"^(Preset|Site) ([^ ]+): ", result.stdout, re.MULTILINE)
    presets = [name for kind, name in titles if kind == "Preset"]
    return presets, [name for kind, name in titles if kind == "Site"]


@pytest.mark.usefixtures("here")
def test_without_a_configuration_all_presets_are_printed() -> None:
    """It needs none."""
    result = run()
    assert result.exit_code == 0
    assert [name for name in PRESET_NAMES if f"Preset {name}:" in result.stdout] == list(PRESET_NAMES)
    described = json.loads(run("--format", "json").stdout)
    assert [one["name"] for one in described["presets"]] == list(PRESET_NAMES)
    assert described["sites"] == []
    assert run("--format", "markdown").stdout.startswith("## Preset consent-mode")


def test_which_sheets_are_printed(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that are asked for; with nothing asked, all presets and the sites of the configuration that is found."""
    path = configuration(here)
    assert shown(run("--config", str(path))) == ([], ["shop", "outlet"])
    assert shown(run("--config", str(path), "--site", "outlet")) == ([], ["outlet"])
    assert shown(run("--config", str(path), "--preset", "eea-strict")) == (
        ["eea-strict"],
        ["shop", "outlet"],
    )
    assert shown(run()) == (list(PRESET_NAMES), [])
    monkeypatch.setenv("SAYSO_CONFIG", str(path))
    assert shown(run()) == (list(PRESET_NAMES), ["shop", "outlet"])
    assert shown(run("--site", "shop")) == ([], ["shop"])
    assert shown(run("--preset", "notice-2021")) == (["notice-2021"], [])
    monkeypatch.delenv("SAYSO_CONFIG")
    path.rename(here / "sayso.toml")
    assert shown(run()) == (list(PRESET_NAMES), ["shop", "outlet"])


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (
            ("--preset", "strict"),
            2,
            "there is no preset strict; there are consent-mode, notice-2021, eea-strict",
        ),
        (("--site", "shop"), 2, "no configuration"),
        (("--config", "absent.toml"), 1, "absent.toml"),
        (("--format", "yaml"), 2, "yaml"),
    ],
)
def test_mistakes_are_one_readable_line(arguments: tuple[str, ...], status: int, words: str) -> None:
    """On stderr, with nothing on stdout."""
    result = run(*arguments)
    assert result.exit_code == status
    assert words in result.stderr
    assert result.stdout == ""
    assert "Traceback" not in result.output


def test_a_site_that_is_not_there(here: Path) -> None:
    """The others are named."""
    result = run("--config", str(configuration(here)), "--site", "shp")
    assert result.exit_code == 2
    assert result.stderr == "sayso: there is no site shp; there are shop, outlet\n"


def test_a_broken_configuration_is_said_to_be_one(here: Path) -> None:
    """Every problem of it, and no matrix of anything else."""
    (here / "sayso.toml").write_text("[sites.shop.policy]\npreset = 'strict'\n", encoding="utf-8")
    result = run()
    assert result.exit_code == 1
    assert "sites.shop.policy.preset" in result.stderr
    assert result.stdout == ""
