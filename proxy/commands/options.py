"""What commands share: their options, the configuration, and one line for whatever went wrong."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

if TYPE_CHECKING:
    from proxy.operate.desk import Work
    from proxy.settings import Settings

F = TypeVar("F", bound=Callable[..., object])
_NO_CONFIG = "no configuration: give --config FILE, set SAYSO_CONFIG, or put a sayso.toml here"


def config_option(command: F) -> F:
    """Add ``--config FILE``."""
    return click.option(
        "--config",
        "config",
        type=click.Path(path_type=Path, dir_okay=False),
        envvar="SAYSO_CONFIG",
        help="Configuration file; else $SAYSO_CONFIG, else ./sayso.toml.",
    )(command)


def find_config(config: Path | None) -> Path:
    """Return the configuration file to use; without one the command ends with status 2."""
    if config is not None:
        return config
    here = Path("sayso.toml")
    if here.is_file():
        return here
    click.echo(f"sayso: {_NO_CONFIG}", err=True)
    sys.exit(2)


def load(config: Path) -> "Settings":
    """Read the configuration; with problems the command ends with status 1 after naming every one."""
    from proxy.settings import ConfigError, load_settings  # noqa: PLC0415  # pydantic is slow to import; --help need not wait

    try:
        return load_settings(config)
    except ConfigError as error:
        click.echo(str(error), err=True)
        sys.exit(1)


def operate(config: Path | None, make: "Callable[[], Work]") -> None:
    """Do an operator's work on the store that runs: print the answer, or one line that says why there is none."""
    settings = load(find_config(config))
    from proxy.operate.desk import answer  # noqa: PLC0415  # see load

    status, text = answer(settings, make())
    click.echo(text, err=status != 0)
    sys.exit(status)


json_option = click.option("--json", "json", is_flag=True, help="For machines.")
dry_run_option = click.option("--dry-run", is_flag=True, help="Only say what would be done.")
site_option = click.option("--site", metavar="NAME", help="Only this site.")
forwarder_option = click.option("--forwarder", metavar="NAME", help="Only forwarders of this name.")
