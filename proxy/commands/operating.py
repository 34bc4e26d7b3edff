"""The operator's hands: ``sayso status``, ``pause``, ``resume``, ``replay``, ``dead-letters`` and ``outbox``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from proxy.commands.options import (
    config_option,
    dry_run_option,
    forwarder_option,
    json_option,
    operate,
    site_option,
)

if TYPE_CHECKING:
    from typing import Literal


@click.command()
@config_option
@json_option
def status(config: Path | None, json: bool) -> None:
    """Show how each forwarder is, what waits, how events ended, and whether the sum adds up."""
    from proxy.operate.status import status as work  # noqa: PLC0415

    operate(config, lambda: work(json=json))


@click.command()
@click.argument("site")
@click.argument("forwarder")
@config_option
@json_option
@dry_run_option
def pause(site: str, forwarder: str, config: Path | None, json: bool, dry_run: bool) -> None:
    """Send nothing to a forwarder until it is resumed. Its entries are kept, and age."""
    from proxy.operate.orders import order  # noqa: PLC0415

    operate(config, lambda: order("pause", site, forwarder, json=json, dry_run=dry_run))


@click.command()
@click.argument("site")
@click.argument("forwarder")
@config_option
@json_option
@dry_run_option
def resume(site: str, forwarder: str, config: Path | None, json: bool, dry_run: bool) -> None:
    """Send to a forwarder again: at once, whoever had paused it."""
    from proxy.operate.orders import order  # noqa: PLC0415

    operate(config, lambda: order("resume", site, forwarder, json=json, dry_run=dry_run))


@click.command()
@click.option(
    "--since",
    required=True,
    metavar="WHEN",
    help="What was delivered since: 30m, 2h or 1d ago, or a time such as 2026-05-17T08:00:00Z.",
)
@click.option("--until", metavar="WHEN", help="And until; default: now.")
@click.option("--yes", is_flag=True, help="Also what the vendor cannot recognise, and will count twice.")
@config_option
@site_option
@forwarder_option
@json_option
@dry_run_option
def replay(
    since: str,
    until: str | None,
    yes: bool,
    config: Path | None,
    site: str | None,
    forwarder: str | None,
    json: bool,
    dry_run: bool,
) -> None:
    """Send again what was delivered: to mend a wrong account, or for a vendor that lost it.

    As far back as delivered entries are kept ([delivery] replay_hours). Consent is read again, and what is too old for the
    vendor stays. What a vendor refused is not meant: that is "sayso dead-letters retry".
    """
    from proxy.operate.replay import Request  # noqa: PLC0415
    from proxy.operate.replay import replay as work  # noqa: PLC0415

    request = Request(since, until, site, forwarder, yes=yes, dry_run=dry_run)
    operate(config, lambda: work(request, json=json))


@click.group()
def outbox() -> None:
    """End what waits for a forwarder."""


@outbox.command("discard")
@click.argument("site")
@click.argument("forwarder")
@config_option
@json_option
@dry_run_option
def discard_outbox(site: str, forwarder: str, config: Path | None, json: bool, dry_run: bool) -> None:
    """End all that is pending, unsent, and count it as discarded: of a forwarder that was removed, or is paused."""
    from proxy.operate.discarding import discard_pending  # noqa: PLC0415

    operate(config, lambda: discard_pending(site, forwarder, json=json, dry_run=dry_run))


@click.group("dead-letters")
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

    operate(config, lambda: listing(Scope(site, forwarder), json=json))


@dead_letters.command("show")
@click.argument("letter_id", metavar="ID")
@config_option
@json_option
def show_letter(letter_id: str, config: Path | None, json: bool) -> None:
    """Show what is known of one dead letter: which fields its entry has, and nothing personal."""
    from proxy.operate.dead_letters import show  # noqa: PLC0415

    operate(config, lambda: show(letter_id, json=json))


def _act(word: "Literal['retry', 'discard']", help_text: str) -> None:
    @dead_letters.command(word, help=help_text)
    @click.argument("letter_ids", metavar="[ID]...", nargs=-1)
    @config_option
    @site_option
    @forwarder_option
    @click.option("--all", "every", is_flag=True, help="Every one of every site.")
    @json_option
    @dry_run_option
    def act(
        letter_ids: tuple[str, ...],
        config: Path | None,
        site: str | None,
        forwarder: str | None,
        every: bool,
        json: bool,
        dry_run: bool,
    ) -> None:
        from proxy.operate.dead_letters import Scope  # noqa: PLC0415
        from proxy.operate.dead_letters import act as work  # noqa: PLC0415

        scope = Scope(site, forwarder)
        operate(config, lambda: work(word, letter_ids, scope, every=every, json=json, dry_run=dry_run))


_act("retry", "Put dead letters back into their outbox. Their age counts on, and consent is read again.")
_act("discard", "Remove dead letters for good. They stay counted as they ended.")
