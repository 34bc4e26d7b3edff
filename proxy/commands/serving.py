"""``sayso serve`` and its halves, the twin, and the demo."""

import os
import signal
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import click

from proxy.commands.options import config_option, find_config


def _serve(
    config: Path | None, *, gateway: bool, delivery: bool, workers: int | None, **overrides: str | None
) -> None:
    hung_up: list[int] = []
    # Whoever changes the file while we start need not know whether we have read it already.
    signal.signal(signal.SIGHUP, lambda number, _frame: hung_up.append(number))
    # As it is named, and not where a link leads: in a container the link is what changes.
    path = Path.cwd() / find_config(config)
    from proxy.metrics_folder import metrics_folder  # noqa: PLC0415  # not to be had on Windows
    from proxy.settings_net import read_address  # noqa: PLC0415  # see options.load

    server: dict[str, object] = {} if workers is None else {"workers": workers}
    try:
        server |= {key: read_address(value) for key, value in overrides.items() if value is not None}
    except ValueError as error:
        click.echo(f"sayso: {error}", err=True)
        sys.exit(2)
    with ExitStack() as stack:
        try:
            metrics_dir = stack.enter_context(metrics_folder()) if gateway else None
        except OSError as error:
            click.echo(f"sayso: no temporary folder can be made ({error.strerror})", err=True)
            sys.exit(1)
        if metrics_dir is not None:
            # Read by prometheus_client when it is first imported: several processes then count into one folder.
            os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(metrics_dir)
        from proxy.logs import set_up  # noqa: PLC0415
        from proxy.loops import run  # noqa: PLC0415
        from proxy.reload import Source  # noqa: PLC0415
        from proxy.serve import Roles, serve  # noqa: PLC0415
        from proxy.settings import ConfigError  # noqa: PLC0415

        source = Source(path, server)
        try:
            settings = source.load()
        except ConfigError as error:
            click.echo(str(error), err=True)
            sys.exit(1)
        set_up(settings.log.level, settings.log.format)
        roles = Roles(gateway, delivery)
        status = _readable(lambda: run(serve(source, settings, roles, metrics_dir, hung_up)))
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


@click.command()
@config_option
@click.option("--workers", type=click.IntRange(1, 64), help="Gateway processes; else the configuration's.")
@click.option("--listen", metavar="HOST:PORT", help="Public address; else the configuration's.")
@click.option("--admin-listen", metavar="HOST:PORT", help="Admin address; else the configuration's.")
def serve(config: Path | None, workers: int | None, listen: str | None, admin_listen: str | None) -> None:
    """Run gateway, delivery and admin in one start."""
    _serve(config, gateway=True, delivery=True, workers=workers, listen=listen, admin_listen=admin_listen)


@click.command()
@config_option
@click.option("--workers", type=click.IntRange(1, 64), help="Gateway processes; else the configuration's.")
@click.option("--listen", metavar="HOST:PORT", help="Public address; else the configuration's.")
@click.option("--admin-listen", metavar="HOST:PORT", help="Admin address; else the configuration's.")
def gateway(config: Path | None, workers: int | None, listen: str | None, admin_listen: str | None) -> None:
    """Run the gateway alone: it takes events and stores them."""
    _serve(config, gateway=True, delivery=False, workers=workers, listen=listen, admin_listen=admin_listen)


@click.command()
@config_option
@click.option("--admin-listen", metavar="HOST:PORT", help="Admin address; else the configuration's.")
def deliver(config: Path | None, admin_listen: str | None) -> None:
    """Run delivery alone: it sends what the gateways have stored."""
    _serve(config, gateway=False, delivery=True, workers=None, admin_listen=admin_listen)


@click.command()
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


@click.command()
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of the embedded store, kept; else a fresh one that is removed at the end.",
)
def demo(data_dir: Path | None) -> None:
    """Run a small shop with a consent banner, the twin and all of Sayso, on this machine alone."""
    from proxy.demo.run import demo as run_demo  # noqa: PLC0415

    sys.exit(run_demo(data_dir))
