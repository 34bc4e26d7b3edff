"""``sayso loader``: what to paste into a website's pages."""

import sys
from pathlib import Path

import click

from proxy.commands.options import config_option, find_config, json_option, load, site_option


@click.command()
@config_option
@site_option
@click.option(
    "--url",
    metavar="URL",
    help="The folder in which browsers find Sayso, such as https://shop.example/s/; else guessed from hosts and origins.",
)
@json_option
def loader(config: Path | None, site: str | None, url: str | None, json: bool) -> None:
    """Print what to paste into the pages of each site: the script's tag, with and without its integrity hash."""
    settings = load(find_config(config))
    from proxy.compile import compile_site  # noqa: PLC0415  # pydantic is slow to import; --help need not wait
    from proxy.loader.snippet import SnippetError, as_json, as_text, snippet_of  # noqa: PLC0415

    if site is not None and site not in settings.sites:
        click.echo(f"sayso: there is no site {site}; there are {', '.join(settings.sites)}", err=True)
        sys.exit(2)
    wanted = {name: one for name, one in settings.sites.items() if site is None or name == site}
    if url is not None and len(wanted) > 1:
        click.echo(f"sayso: --url is for one site: name it with --site, one of {', '.join(wanted)}", err=True)
        sys.exit(2)
    if site is None:  # a site that has none is left out, unless it was asked for
        wanted = {name: one for name, one in wanted.items() if one.loader.enabled} or wanted
    try:
        found = [snippet_of(compile_site(name, one), url) for name, one in wanted.items()]
    except SnippetError as error:
        click.echo(f"sayso: {error}", err=True)
        sys.exit(1)
    click.echo(as_json(found) if json else as_text(found), nl=json)
