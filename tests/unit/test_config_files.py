"""The configurations and the schema that are shipped."""

import tomllib
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # it has no types
from pydantic import BaseModel

from proxy.forwarder_modules import forwarder_class, shipped
from proxy.settings import Settings
from proxy.settings_schema import schema_text, settings_schema
from tests.support import configs

SITE = "[sites.shop]\n"


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set what the shipped configurations ask for."""
    for name, value in configs.ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


def _shipped_config(name: str, folder: Path) -> Settings:
    (folder / "ads-key.json").write_text(configs.SERVICE_ACCOUNT, encoding="utf-8")
    return configs.loaded(folder, (configs.CONFIG_FOLDER / name).read_text(encoding="utf-8"))


@pytest.mark.usefixtures("environment")
def test_the_minimal_configuration_can_be_used(tmp_path: Path) -> None:
    """With nothing but its one secret in the environment."""
    site = _shipped_config("minimal.toml", tmp_path).sites["shop"]
    assert site.policy.preset == "eea-strict"
    assert list(site.forwarders) == ["google_analytics"]
    assert site.hosts == ("*",)


@pytest.mark.usefixtures("environment")
def test_the_reference_states_the_defaults(tmp_path: Path) -> None:
    """What it shows for a key is what happens without the key."""
    reference = _shipped_config("reference.toml", tmp_path)
    defaults = configs.loaded(tmp_path, SITE)
    assert reference.model_copy(update={"sites": {}}) == defaults.model_copy(update={"sites": {}})
    written, default = reference.sites["shop"], defaults.sites["shop"]
    stated = {"analytics_storage": "consent", "record_keep_days": 365 + 30}
    assert written.policy == default.policy.model_copy(update=stated)
    stated_ages = {"max_age_days": 7, "consented_max_age_days": 90}
    assert written.visitor == default.visitor.model_copy(update=stated_ages)
    assert written.conversions == default.conversions


def test_the_reference_has_every_key() -> None:
    """Of our own tables, and of every forwarder that comes with Sayso."""
    document = tomllib.loads((configs.CONFIG_FOLDER / "reference.toml").read_text(encoding="utf-8"))
    assert not _absent(Settings, document)
    stanzas = document["sites"]["shop"]["forwarders"]
    shared = {"otherwise", "events", "type"}
    assert shared <= {key for table in stanzas.values() for key in table}
    for module in shipped():
        tables = [table for name, table in stanzas.items() if table.get("type", name) == module]
        fields = forwarder_class(module).model_fields.keys() - shared
        assert fields <= {key for table in tables for key in table}, module


def _absent(model: type[BaseModel], table: dict[str, object]) -> list[str]:
    """Return the keys of a model, and of the models in it, that a table does not have."""
    absent = []
    for name, field in model.model_fields.items():
        below = table.get(name)
        if below is None:
            absent.append(f"{model.__name__}.{name}")
        elif isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            assert isinstance(below, dict)
            absent += _absent(field.annotation, below)
    if model is Settings:
        sites = table["sites"]
        assert isinstance(sites, dict)
        absent += _absent(type(configs.of({"sites": {"x": {}}}).sites["x"]), sites["shop"])
    return absent


# --- the schema ---------------------------------------------------------------------------------------------------------


def test_the_shipped_schema_is_the_generated_one() -> None:
    """If not: `sayso check-config --schema > config/sayso.schema.json`."""
    assert (configs.CONFIG_FOLDER / "sayso.schema.json").read_text(encoding="utf-8") == schema_text()


def _refused(document: object) -> set[str]:
    schema = settings_schema()
    Draft202012Validator.check_schema(schema)
    errors = Draft202012Validator(schema).iter_errors(document)
    return {".".join(map(str, error.absolute_path)) for error in errors}


@pytest.mark.parametrize("name", ["minimal.toml", "reference.toml"])
def test_the_shipped_configurations_are_valid_by_the_schema(name: str) -> None:
    """So that an editor does not call them wrong."""
    assert not _refused(tomllib.loads((configs.CONFIG_FOLDER / name).read_text(encoding="utf-8")))


def test_the_schema_refuses_what_the_models_refuse() -> None:
    """In the places that an editor can judge."""
    document = tomllib.loads((configs.CONFIG_FOLDER / "reference.toml").read_text(encoding="utf-8"))
    document["server"]["workers"] = 0
    document["server"]["listn"] = ""
    shop = document["sites"]["shop"]
    shop["policy"]["preset"] = "cnil-proxy"
    shop["visitor"]["max_age_days"] = 8
    shop["forwarders"]["meta"]["dataset"] = "x"
    shop["forwarders"]["meta_outlet"]["dataset_id"] = 4
    shop["forwarders"]["other"] = {"key": "a stanza of another name states its type"}
    assert _refused(document) == {
        "server",
        "server.workers",
        "sites.shop.policy.preset",
        "sites.shop.visitor.max_age_days",
        "sites.shop.forwarders.meta",
        "sites.shop.forwarders.meta_outlet.dataset_id",
        "sites.shop.forwarders.other",
    }


def test_the_schema_explains_every_key_of_ours() -> None:
    """An editor shows the explanation."""
    for name, definition in settings_schema()["$defs"].items():
        if name.endswith("Settings"):
            unexplained = [
                key for key, value in definition["properties"].items() if not value.get("description")
            ]
            assert not unexplained, name
