"""``sayso audit`` and ``sayso explain``: what was decided and sent, and what became of one event."""

import sys
from pathlib import Path

import click

from proxy.commands.options import (
    config_option,
    find_config,
    forwarder_option,
    json_option,
    load,
    operate,
    site_option,
)

_since_option = click.option(
    "--since", metavar="WHEN", help="30m, 2h or 1d ago, or a time such as 2026-05-17T08:00:00Z."
)
_until_option = click.option("--until", metavar="WHEN", help="And until; default: now.")


@click.group()
def audit() -> None:
    """Verify, export or sum up the trail of what was decided and sent. Its rows name nobody."""


@audit.command("verify")
@config_option
@json_option
def verify_trail(config: Path | None, json: bool) -> None:
    """Find every row that was changed, removed, added or moved. Exit status 1 if there is any."""
    import asyncio  # noqa: PLC0415

    settings = load(find_config(config))
    from proxy.operate.audit_verify import verifying  # noqa: PLC0415

    _end(*asyncio.run(verifying(settings, json=json)), errors=False)


@audit.command("export")
@config_option
@_since_option
@_until_option
@site_option
@forwarder_option
@click.option("--visitor", metavar="ID", help="Only this visitor's rows, while the keys of their days live.")
def export_trail(
    config: Path | None,
    since: str | None,
    until: str | None,
    site: str | None,
    forwarder: str | None,
    visitor: str | None,
) -> None:
    """Print rows as JSON Lines, as they stand in the files. What still waits in the store is not among them."""
    import asyncio  # noqa: PLC0415

    settings = load(find_config(config))
    from proxy.operate.audit_export import exporting  # noqa: PLC0415
    from proxy.operate.audit_rows import Request  # noqa: PLC0415

    request = Request(since, until, site, forwarder, visitor)
    _end(*asyncio.run(exporting(settings, request, sys.stdout.buffer.write)), errors=True)


@audit.command("summary")
@config_option
@_since_option
@_until_option
@site_option
@forwarder_option
@json_option
def sum_up_trail(
    config: Path | None,
    since: str | None,
    until: str | None,
    site: str | None,
    forwarder: str | None,
    json: bool,
) -> None:
    """Say which forwarders got which fields, in which mode, how often, and under which policy."""
    settings = load(find_config(config))
    from proxy.operate.audit_rows import Request  # noqa: PLC0415
    from proxy.operate.audit_summary import summarising  # noqa: PLC0415

    _end(*summarising(settings, Request(since, until, site, forwarder), json=json), errors=False)


def _end(status: int, text: str, *, errors: bool) -> None:
    """Print a last word; to stderr where it is no answer."""
    if text:
        click.echo(text, err=errors or text.startswith("sayso: "))
    sys.exit(status)


@click.command()
@click.argument("event_id")
@config_option
@site_option
@json_option
def explain(event_id: str, config: Path | None, site: str | None, json: bool) -> None:
    """Say in plain words what happened to an event at each forwarder, and why. Exit status 1 if nothing is known of it.

    EVENT_ID is the id that the page or backend gave it, or the name under which it is known inside (24 hex digits).
    """
    from proxy.operate.explain import explaining  # noqa: PLC0415

    operate(config, lambda: explaining(event_id, site, json=json))
