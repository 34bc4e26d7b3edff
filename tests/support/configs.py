"""Configurations that tests begin with."""

from collections.abc import Mapping
from pathlib import Path

from proxy.settings import ConfigError, Problem, Settings, load_settings, read_settings
from tests.support.events import service_account_json

CONFIG_FOLDER = Path(__file__).parents[2] / "config"

SERVICE_ACCOUNT = service_account_json()
ANALYTICS = """
[sites.shop.forwarders.google_analytics]
measurement_id = "G-ABC1234"
api_secret = "an-analytics-secret"
"""
META = """
[sites.shop.forwarders.meta]
dataset_id = "1234567890"
access_token = "a-meta-token"
"""
MICROSOFT = """
[sites.shop.forwarders.microsoft]
tag_id = "97000001"
api_token = "a-microsoft-token"
"""
OUTSIDE = """
[sites.shop.forwarders.mine]
type = "tests.support.outside"
account = "A-1"
key = "an-outside-key"
"""
# What config/minimal.toml and config/reference.toml ask the environment for.
ENVIRONMENT: Mapping[str, str] = {
    name: f"the-value-of-{name.lower()}"
    for name in (
        "GA_API_SECRET",
        "META_TOKEN",
        "META_OUTLET_APP_SECRET",
        "META_OUTLET_TOKEN",
        "SHOP_INGEST_KEY",
        "UET_TOKEN",
    )
}


def site(*, policy: str = "", keys: str = "", more: str = "") -> str:
    """Return the TOML of one site."""
    return (
        f'[sites.shop]\norigins = ["https://shop.example"]\n{keys}\n[sites.shop.policy]\n{policy}\n{more}\n'
    )


def written(folder: Path, text: str) -> Path:
    """Write a configuration file."""
    path = folder / "sayso.toml"
    path.write_text(text, encoding="utf-8")
    return path


def loaded(folder: Path, text: str) -> Settings:
    """Load a configuration of that text."""
    return load_settings(written(folder, text))


def problems(folder: Path, text: str) -> dict[str, Problem]:
    """Return what is wrong with a configuration of that text, by key."""
    try:
        loaded(folder, text)
    except ConfigError as error:
        return {problem.key: problem for problem in error.problems}
    return {}


def of(data: Mapping[str, object]) -> Settings:
    """Read a configuration that is already parsed."""
    return read_settings(data, file="test", folder=Path.cwd())
