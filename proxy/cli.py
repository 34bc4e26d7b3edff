"""The ``sayso`` command. Errors that a user can cause are one readable line on stderr, never a traceback."""

import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from proxy import __version__

if TYPE_CHECKING:
    from typing import Literal

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


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="sayso")
def main() -> None:
    """Visitors' events go only where the visitor says so."""


def _serve(
    config: Path | None, *, gateway: bool, delivery: bool, workers: int | None, **overrides: str | None
) -> None:
    path = find_config(config).resolve()
    settings = load(path)
    server: dict[str, object] = {} if workers is None else {"workers": workers}
    from proxy.settings_net import read_address  # noqa: PLC0415  # see load

    try:
        server |= {key: read_address(value) for key, value in overrides.items() if value is not None}
    except ValueError as error:
        click.echo(f"sayso: {error}", err=True)
        sys.exit(2)
    settings = settings.model_copy(update={"server": settings.server.model_copy(update=server)})
    metrics_dir = Path(tempfile.mkdtemp(prefix="sayso-metrics-")) if gateway else None
    if metrics_dir is not None:
        # Read by prometheus_client when it is first imported: several processes then count into one folder.
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(metrics_dir)
    from proxy.logs import set_up  # noqa: PLC0415
    from proxy.loops import run  # noqa: PLC0415
    from proxy.serve import Roles, serve  # noqa: PLC0415

    set_up(settings.log.level, settings.log.format)
    try:
        status = _readable(lambda: run(serve(path, settings, Roles(gateway, delivery), metrics_dir)))
    finally:
        if metrics_dir is not None:
            shutil.rmtree(metrics_dir, ignore_errors=True)
    sys.exit(status)


def _readable(start: Callable[[], int]) -> int:
    """Run something that may not be able to start, and say why in one line."""
    from proxy.assemble import NotUsableError  # noqa: PLC0415
    from proxy.geo import GeoError  # noqa: PLC0415
    from proxy.store.embedded import StoreStartError  # noqa: PLC0415

    try:
        return start()
    except (NotUsableError, StoreStartError, GeoError) as error:
        click.echo(f"sayso: {error}", err=True)
        return 1


@main.command()
@config_option
@click.option("--workers", type=click.IntRange(1, 64), help="Gateway processes; else the configuration's.")
@click.option("--listen", metavar="HOST:PORT", help="Public address; else the configuration's.")
@click.option("--admin-listen", metavar="HOST:PORT", help="Admin address; else the configuration's.")
def serve(config: Path | None, workers: int | None, listen: str | None, admin_listen: str | None) -> None:
    """Run gateway, delivery and admin in one start."""
    _serve(config, gateway=True, delivery=True, workers=workers, listen=listen, admin_listen=admin_listen)


@main.command()
@config_option
@click.option("--workers", type=click.IntRange(1, 64), help="Gateway processes; else the configuration's.")
@click.option("--listen", metavar="HOST:PORT", help="Public address; else the configuration's.")
@click.option("--admin-listen", metavar="HOST:PORT", help="Admin address; else the configuration's.")
def gateway(config: Path | None, workers: int | None, listen: str | None, admin_listen: str | None) -> None:
    """Run the gateway alone: it takes events and stores them."""
    _serve(config, gateway=True, delivery=False, workers=workers, listen=listen, admin_listen=admin_listen)


@main.command()
@config_option
@click.option("--admin-listen", metavar="HOST:PORT", help="Admin address; else the configuration's.")
def deliver(config: Path | None, admin_listen: str | None) -> None:
    """Run delivery alone: it sends what the gateways have stored."""
    _serve(config, gateway=False, delivery=True, workers=None, admin_listen=admin_listen)


@main.command()
@click.option(
    "--listen", default="127.0.0.1:0", show_default=True, metavar="HOST:PORT", help="Where to listen."
)
def twin(listen: str) -> None:
    """Run the twin alone: a fake of all vendors, for tests and load."""
    from proxy.settings_net import read_address  # noqa: PLC0415
    from proxy.twin.server import run  # noqa: PLC0415

    try:
        address = read_address(listen)
    except ValueError as error:
        click.echo(f"sayso: {error}", err=True)
        sys.exit(2)
    run(address.host, address.port)


@main.command("check-config")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False), required=False)
@config_option
@click.option("--schema", is_flag=True, help="Print the JSON Schema of the file instead, for editors.")
def check_config(file: Path | None, config: Path | None, schema: bool) -> None:
    """Check a configuration: every problem at once, and what is legal but unwise."""
    if schema:
        from proxy.settings_schema import schema_text  # noqa: PLC0415

        click.echo(schema_text(), nl=False)
        return
    from proxy.check import report  # noqa: PLC0415

    status, text = report(find_config(file or config))
    click.echo(text, err=status != 0)
    sys.exit(status)


@main.command()
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of the embedded store, kept; else a fresh one that is removed at the end.",
)
def demo(data_dir: Path | None) -> None:
    """Run a small shop with a consent banner, the twin and all of Sayso, on this machine alone."""
    from proxy.demo.run import demo as run_demo  # noqa: PLC0415

    sys.exit(run_demo(data_dir))


@main.command()
@config_option
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "markdown", "json"]),
    default="text",
    show_default=True,
    help="For a terminal, for a document, or for machines: that one with each of the 81 states.",
)
@click.option("--preset", "presets", multiple=True, metavar="NAME", help="Only this preset; may be repeated.")
@click.option("--site", metavar="NAME", help="Only this site of the configuration.")
@click.pass_context
def matrix(
    context: click.Context, config: Path | None, form: str, presets: tuple[str, ...], site: str | None
) -> None:
    """Print what each forwarder gets in every consent state: decision, reason, fields sent.

    For each preset as it is shipped, and for the sites of the configuration if one is found. With --config or --site,
    for its sites alone.
    """
    from click.core import ParameterSource  # noqa: PLC0415

    from proxy.matrix import sheets  # noqa: PLC0415  # see load
    from proxy.matrix_text import written  # noqa: PLC0415
    from proxy.policy import PRESET_NAMES  # noqa: PLC0415

    for name in presets:
        if name not in PRESET_NAMES:
            click.echo(f"sayso: there is no preset {name}; there are {', '.join(PRESET_NAMES)}", err=True)
            sys.exit(2)
    asked = site is not None or context.get_parameter_source("config") is ParameterSource.COMMANDLINE
    here = Path("sayso.toml")
    if asked or (not presets and (config is not None or here.is_file())):
        sites = load(find_config(config)).sites
    else:
        sites = {}
    if site is not None and site not in sites:
        click.echo(f"sayso: there is no site {site}; there are {', '.join(sites)}", err=True)
        sys.exit(2)
    shown = sites if site is None else {site: sites[site]}
    chosen = presets or (() if asked else PRESET_NAMES)
    click.echo(written(sheets(chosen, shown, every=form == "json"), form), nl=False)


def _operate(config: Path | None, make: "Callable[[], Work]") -> None:
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


@main.command()
@config_option
@json_option
def status(config: Path | None, json: bool) -> None:
    """Show how each forwarder is, what waits, how events ended, and whether the sum adds up."""
    from proxy.operate.status import status as work  # noqa: PLC0415

    _operate(config, lambda: work(json=json))


@main.command()
@click.argument("site")
@click.argument("forwarder")
@config_option
@dry_run_option
def pause(site: str, forwarder: str, config: Path | None, dry_run: bool) -> None:
    """Send nothing to a forwarder until it is resumed. Its entries are kept, and age."""
    from proxy.operate.orders import order  # noqa: PLC0415

    _operate(config, lambda: order("pause", site, forwarder, dry_run=dry_run))


@main.command()
@click.argument("site")
@click.argument("forwarder")
@config_option
@dry_run_option
def resume(site: str, forwarder: str, config: Path | None, dry_run: bool) -> None:
    """Send to a forwarder again: at once, whoever had paused it."""
    from proxy.operate.orders import order  # noqa: PLC0415

    _operate(config, lambda: order("resume", site, forwarder, dry_run=dry_run))


@main.group("dead-letters")
def dead_letters() -> None:
    """Look at what vendors refused for good, try it again, or remove it. It is kept for 72 hours."""


@dead_letters.command("list")
@config_option
@site_option
@forwarder_option
@json_option
def list_letters(config: Path | None, site: str | None, forwarder: str | None, json: bool) -> None:
    """List dead letters, oldest first, with the vendor's own words."""
    from proxy.operate.dead_letters import Scope, listing  # noqa: PLC0415

    _operate(config, lambda: listing(Scope(site, forwarder), json=json))


@dead_letters.command("show")
@click.argument("letter_id", metavar="ID")
@config_option
@json_option
def show_letter(letter_id: str, config: Path | None, json: bool) -> None:
    """Show what is known of one dead letter: which fields its entry has, and nothing personal."""
    from proxy.operate.dead_letters import show  # noqa: PLC0415

    _operate(config, lambda: show(letter_id, json=json))


def _act(word: "Literal['retry', 'discard']", help_text: str) -> None:
    @dead_letters.command(word, help=help_text)
    @click.argument("letter_ids", metavar="[ID]...", nargs=-1)
    @config_option
    @site_option
    @forwarder_option
    @click.option("--all", "every", is_flag=True, help="Every one of every site.")
    @dry_run_option
    def act(
        letter_ids: tuple[str, ...],
        config: Path | None,
        site: str | None,
        forwarder: str | None,
        every: bool,
        dry_run: bool,
    ) -> None:
        from proxy.operate.dead_letters import Scope  # noqa: PLC0415
        from proxy.operate.dead_letters import act as work  # noqa: PLC0415

        scope = Scope(site, forwarder)
        _operate(config, lambda: work(word, letter_ids, scope, every=every, dry_run=dry_run))


_act("retry", "Put dead letters back into their outbox. Their age counts on, and consent is read again.")
_act("discard", "Remove dead letters for good. They stay counted as they ended.")


@main.group()
def consent() -> None:
    """Look up or withdraw a visitor's consent. VISITOR is the id, or the value of the visitor's id cookie."""


@consent.command("get")
@click.argument("visitor")
@config_option
@site_option
@json_option
def get_consent(visitor: str, config: Path | None, site: str | None, json: bool) -> None:
    """Show the stored record, of each site or of one."""
    from proxy.operate.consent import get  # noqa: PLC0415

    _operate(config, lambda: get(visitor, site, json=json))


@consent.command("withdraw")
@click.argument("visitor")
@config_option
@site_option
@json_option
@dry_run_option
def withdraw_consent(visitor: str, config: Path | None, site: str | None, json: bool, dry_run: bool) -> None:
    """Withdraw everything for a visitor, at each site or at one. It reaches what waits in the outboxes."""
    from proxy.operate.consent import withdraw  # noqa: PLC0415

    _operate(config, lambda: withdraw(visitor, site, json=json, dry_run=dry_run))


if __name__ == "__main__":
    main()
