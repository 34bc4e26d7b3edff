"""``sayso consent``: a visitor's requests, done by an operator."""

from pathlib import Path

import click

from proxy.commands.options import config_option, dry_run_option, json_option, operate, site_option


@click.group()
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

    operate(config, lambda: get(visitor, site, json=json))


@consent.command("withdraw")
@click.argument("visitor")
@config_option
@site_option
@json_option
@dry_run_option
def withdraw_consent(visitor: str, config: Path | None, site: str | None, json: bool, dry_run: bool) -> None:
    """Withdraw everything for a visitor, at each site or at one. It reaches what waits in the outboxes."""
    from proxy.operate.consent import withdraw  # noqa: PLC0415

    operate(config, lambda: withdraw(visitor, site, json=json, dry_run=dry_run))
