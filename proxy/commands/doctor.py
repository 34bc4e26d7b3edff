"""``sayso doctor``: what is wrong with this installation."""

import sys
from pathlib import Path

import click

from proxy.commands.options import config_option, find_config, json_option


@click.command()
@config_option
@json_option
def doctor(config: Path | None, json: bool) -> None:
    """Say what is wrong with this installation, and what to do about it. Exit status 1 if anything is."""
    from proxy.operate.doctor import doctor as work  # noqa: PLC0415

    status, text = work(find_config(config), json=json)
    click.echo(text)
    sys.exit(status)
