"""The forwarders of a site: found by name, by type and by dotted path, and read by themselves."""

from pathlib import Path

import pytest

from tests.support import configs
from tests.support.outside import Outside

SITE = "[sites.shop]\n"


def test_a_dotted_path_loads_a_forwarder_from_outside(tmp_path: Path) -> None:
    """Its settings are the stanza's keys."""
    stanza = configs.loaded(tmp_path, SITE + configs.OUTSIDE).sites["shop"].forwarders["mine"]
    assert stanza.module == "tests.support.outside"
    assert isinstance(stanza.forwarder, Outside)
    assert stanza.forwarder.account == "A-1"


def test_a_type_gives_a_second_account(tmp_path: Path) -> None:
    """Presets know all of them as the same vendor."""
    second = configs.META.replace("forwarders.meta]", 'forwarders.meta_no]\ntype = "meta"')
    third = configs.META.replace("forwarders.meta]", 'forwarders.meta_se]\ntype = "forwarders.meta"')
    stanzas = configs.loaded(tmp_path, SITE + configs.META + second + third).sites["shop"].forwarders
    assert {name: stanza.module for name, stanza in stanzas.items()} == {
        "meta": "meta",
        "meta_no": "meta",
        "meta_se": "meta",
    }


def test_a_vendors_name_cannot_stand_for_another(tmp_path: Path) -> None:
    """Reports would name the wrong vendor."""
    found = configs.problems(tmp_path, SITE + configs.META.replace("]", ']\ntype = "microsoft"', 1))
    assert "for the module meta" in found["sites.shop.forwarders.meta.type"].what


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ("", "defines 0 forwarders"),
        ("from tests.support.outside import Outside", "defines 0 forwarders"),
        (
            "from tests.support.outside import Outside\nclass A(Outside): ...\nclass B(Outside): ...",
            "defines 2 forwarders",
        ),
        ("import no_such_module", "no module no_such_module"),
        ("this is no Python", "cannot be imported (SyntaxError)"),
        ("1 / 0", "cannot be imported (ZeroDivisionError)"),
        ("raise RuntimeError('canary')", "cannot be imported (RuntimeError)"),
    ],
)
def test_a_module_that_is_no_forwarder_is_a_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str, what: str
) -> None:
    """Whatever its code does when imported."""
    name = f"outside_{abs(hash(content))}"
    (tmp_path / "pkg" / name).mkdir(parents=True)
    (tmp_path / "pkg" / name / "__init__.py").touch()
    (tmp_path / "pkg" / name / "vendor.py").write_text(content, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path / "pkg"))
    found = configs.problems(tmp_path, f'{SITE}[sites.shop.forwarders.mine]\ntype = "{name}.vendor"')
    assert list(found) == ["sites.shop.forwarders.mine.type"]
    assert what in found["sites.shop.forwarders.mine.type"].what


@pytest.mark.parametrize(
    "module", ["base", "auth", "verdicts", "_contact", "../meta", "", "a..b", ".meta", "metta"]
)
def test_what_is_no_vendor_is_no_forwarder(tmp_path: Path, module: str) -> None:
    """The problem lists the vendors that there are."""
    found = configs.problems(tmp_path, f'{SITE}[sites.shop.forwarders.mine]\ntype = "{module}"')
    assert list(found) == ["sites.shop.forwarders.mine.type"]
    assert "meta" in found["sites.shop.forwarders.mine.type"].allowed


def test_a_vendor_without_cookieless_mode_cannot_be_switched_to_it(tmp_path: Path) -> None:
    """Under no preset."""
    text = configs.site(policy='preset = "consent-mode"', more=configs.META + 'otherwise = "cookieless"')
    found = configs.problems(tmp_path, text)
    assert found["sites.shop.forwarders.meta.otherwise"].what == "Meta has no cookieless mode"


def test_nothing_is_cookieless_where_the_preset_has_it_not(tmp_path: Path) -> None:
    """Nor when that preset is not written, but the default; nor when another key of the table is wrong."""
    more = configs.ANALYTICS + 'otherwise = "cookieless"\n'
    key = "sites.shop.forwarders.google_analytics.otherwise"
    for policy in ('preset = "eea-strict"', ""):
        found = configs.problems(tmp_path, configs.site(policy=policy, more=more))
        assert list(found) == [key]
        assert "eea-strict" in found[key].what
    assert set(configs.problems(tmp_path, configs.site(policy="x = 1", more=more + "y = 2"))) == {
        "sites.shop.policy.x",
        "sites.shop.forwarders.google_analytics.y",
        key,
    }
    assert not configs.problems(tmp_path, configs.site(policy='preset = "consent-mode"', more=more))
