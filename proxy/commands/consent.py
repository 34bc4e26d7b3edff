"""``sayso consent``: a visitor's requests, done by an operator."""

from pathlib import Path

import click

from proxy.commands.options import config_option, dry_run_option, json_option, operate, site_option


class _OfVisitor(click.Command):
    """A command that takes a visitor's id. One in 64 begins with a dash, and is no option for that."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put ids that begin with a dash to where nothing is an option any more."""
        from proxy.identity import parse_visitor  # noqa: PLC0415

        ids = [one for one in args if one.startswith("-") and parse_visitor(one) is not None]
        rest = [one for one in args if one not in ids]
        return super().parse_args(ctx, [*rest, *(["--"] if ids and "--" not in rest else []), *ids])


@click.group()
def consent() -> None:
    """Look up, withdraw or export a visitor's consent, or erase what is held. VISITOR is the id, or the value of the visitor's id cookie."""


@consent.command("get", cls=_OfVisitor)
@click.argument("visitor")
@config_option
@site_option
@json_option
def get_consent(visitor: str, config: Path | None, site: str | None, json: bool) -> None:
    """Show the stored record, of each site or of one."""
    from proxy.operate.consent import get  # noqa: PLC0415

    operate(config, lambda: get(visitor, site, json=json))


@consent.command("withdraw", cls=_OfVisitor)
@click.argument("visitor")
@config_option
@site_option
@json_option
@dry_run_option
def withdraw_consent(visitor: str, config: Path | None, site: str | None, json: bool, dry_run: bool) -> None:
    """Withdraw everything for a visitor, at each site or at one. It reaches what waits in the outboxes."""
    from proxy.operate.consent import withdraw  # noqa: PLC0415

    operate(config, lambda: withdraw(visitor, site, json=json, dry_run=dry_run))


@consent.command("export", cls=_OfVisitor)
@click.argument("visitor")
@config_option
@site_option
@json_option
@click.option("--jsonl", is_flag=True, help="One JSON object per line: state, consent records, events.")
@click.option(
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write to this file, which nobody else may read.",
)
def export_visitor(
    visitor: str, config: Path | None, site: str | None, json: bool, jsonl: bool, output: Path | None
) -> None:
    """Show everything that is held of a visitor, at each site or at one, as JSON.

    The state, every decision as a consent record, waiting events, dead letters and kept copies with all their fields, and
    the vendors that may have had events.
    """
    if json and jsonl:
        raise click.UsageError("either --json or --jsonl")
    from proxy.operate.export import export  # noqa: PLC0415

    operate(config, lambda: export(visitor, site, lines=jsonl, output=output))


@consent.command("erase", cls=_OfVisitor)
@click.argument("visitor")
@config_option
@site_option
@json_option
@dry_run_option
def erase_visitor(visitor: str, config: Path | None, site: str | None, json: bool, dry_run: bool) -> None:
    """Erase what is held of a visitor, at each site or at one, and print a receipt.

    Record, session, waiting entries, dead letters, copies of sent entries; then the store's append-only file is written
    anew. What vendors have received is not reached.
    """
    from proxy.operate.erase import erase  # noqa: PLC0415

    operate(config, lambda: erase(visitor, site, json=json, dry_run=dry_run))
