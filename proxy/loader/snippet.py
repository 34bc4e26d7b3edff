"""What a site owner pastes to include the loader, and what to change when gtag.js is there already. Pure."""

import html
import json
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from proxy.loader.script import Script, make_script
from proxy.site import LoaderPlan, Site

STUB = (
    "<script>\n"
    "  window.dataLayer = window.dataLayer || []; function gtag() { dataLayer.push(arguments); }\n"
    "  gtag('js', new Date()); gtag('config', '{id}');\n"
    "</script>"
)
"""What calls ``gtag`` before the loader is there; the same as Google's."""
_SCHEMES = ("http", "https")


class SnippetError(Exception):
    """Why there is nothing to paste, in one line for the site owner."""


@dataclass(frozen=True, slots=True)
class Snippet:
    """A site's loader: where it is, and what includes it."""

    site: str
    url: str
    hashed_url: str
    script: Script
    guessed: bool
    """Whether the address was not told but worked out."""

    @property
    def files(self) -> Sequence[tuple[str, Script]]:
        """Every file that browsers fetch, by name: what the page includes, and what that fetches."""
        first = (self.url.rpartition("/")[2], self.script)
        return (
            [first] if self.script.fetches is None else [first, (self.script.fetched_as, self.script.fetches)]
        )

    @property
    def tag(self) -> str:
        """The tag that includes whatever script the running Sayso has."""
        return f'<script async src="{html.escape(self.url)}"></script>'

    @property
    def pinned_tag(self) -> str:
        """The tag that includes exactly this script, and no other."""
        return (
            f'<script async src="{html.escape(self.hashed_url)}"\n'
            f'        integrity="{self.script.integrity}" crossorigin="anonymous"></script>'
        )

    @property
    def stub(self) -> str:
        """The lines before the tag."""
        return STUB.replace("{id}", self.site)


def snippet_of(site: Site, url: str | None) -> Snippet:
    """Say where a site's loader is.

    Args:
        site: the site.
        url: the folder in which browsers find Sayso, such as ``https://shop.example/s/``; absent: guessed from the site.

    Raises:
        SnippetError: the site serves none, or there is no telling where.
    """
    plan = site.loader
    if plan is None:
        raise SnippetError(
            f"the site {site.name} serves no loader: sites.{site.name}.loader.enabled is false"
        )
    folder = _folder(url) if url is not None else guess_url(site)
    script = make_script(plan.parts, plan.collect, plan.consent, plan.stem)
    return Snippet(site.name, folder + plan.name, f"{folder}{hashed_name(plan, script)}", script, url is None)


def hashed_name(plan: LoaderPlan, script: Script) -> str:
    """Return the file name that holds the script's hash."""
    return f"{plan.stem}.{script.digest}.js"


def guess_url(site: Site) -> str:
    """Return the folder in which browsers find a site's Sayso.

    A host that a page is on as well comes first, then the first host that is named, over https. For ``*`` it is the first
    origin: that a path of the website's own leads to Sayso is how it is meant to be set up.

    Raises:
        SnippetError: any host will do, and no page is listed.
    """
    by_host = {urlsplit(origin).hostname or "": origin for origin in sorted(site.origins, reverse=True)}
    for host in site.hosts:
        if host in by_host:
            return by_host[host] + site.base_path
    if "*" not in site.hosts:
        return f"https://{site.hosts[0]}{site.base_path}"
    if not site.origins:
        raise SnippetError(
            f"the site {site.name} is served on any host and lists no origins: say where browsers find it,"
            f" with --url https://shop.example{site.base_path}"
        )
    return min(site.origins, key=lambda origin: (not origin.startswith("https:"), origin)) + site.base_path


def _folder(url: str) -> str:
    wrong = SnippetError("--url: not the address of a folder, such as https://shop.example/s/")
    if not url.isascii() or not url.isprintable() or any(one in url for one in " \"'<>?#\\"):
        raise wrong
    try:
        parts = urlsplit(url)
        usable = parts.scheme in _SCHEMES and bool(parts.hostname) and "@" not in parts.netloc
    except ValueError:
        raise wrong from None
    if not usable:
        raise wrong
    if parts.path.endswith(".js"):
        raise SnippetError("--url: the folder, without the script's name")
    return url if url.endswith("/") else f"{url}/"


def as_text(snippets: Sequence[Snippet]) -> str:
    """Write snippets for people."""
    return "\n\n".join(_text(one) for one in snippets) + "\n"


def as_json(snippets: Sequence[Snippet]) -> str:
    """Write snippets for machines."""
    return json.dumps(
        [
            {
                "site": one.site,
                "url": one.url,
                "hashed_url": one.hashed_url,
                "guessed": one.guessed,
                "integrity": one.script.integrity,
                "bytes": len(one.script.body),
                "gzip_bytes": len(one.script.gzipped),
                "files": [
                    {"name": name, "bytes": len(file.body), "gzip_bytes": len(file.gzipped)}
                    for name, file in one.files
                ],
                "stub": one.stub,
                "tag": one.tag,
                "pinned_tag": one.pinned_tag,
            }
            for one in snippets
        ],
        indent=2,
    )


_GUESSED = "\nThe address is worked out from the configuration. If browsers find Sayso elsewhere, say where with --url.\n"


def _sizes(one: Snippet) -> str:
    return "\n".join(
        f"  {name}: {len(file.gzipped)} bytes over the wire (gzip), {len(file.body)} unpacked"
        for name, file in one.files
    )


def _text(one: Snippet) -> str:
    return f"""\
Site {one.site}:
{_sizes(one)}
{_GUESSED if one.guessed else ""}
Paste into the <head> of every page; the lines before the script are Google's own, and may be there already:

{one.stub}
{one.tag}

In place of the last line, for exactly this script and no other. After an update of Sayso or of its configuration
browsers refuse it until the page has the new line:

{one.pinned_tag}

With gtag.js in the pages already, change one tag and leave the rest: in place of
<script async src="https://www.googletagmanager.com/gtag/js?id=..."></script>
put the tag above. With both in a page, Google's own would go on sending by itself."""
