"""``sayso check-config`` and ``sayso matrix``: what a configuration would do, before it does it."""

import sys
from pathlib import Path

import click

from proxy.commands.options import config_option, find_config, load


@click.command("check-config")
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


@click.command()
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
