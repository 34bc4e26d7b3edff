"""Rules that bind several keys of a configuration to each other. Pure.

They read the document and not the models, so that they can be checked however much else is wrong; what is not of the
right kind is left to the models.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic_core import PydanticCustomError

from proxy.policy import DEFAULT_PRESET, PRESET_NAMES, load_preset
from proxy.settings_net import Address, read_address, read_base_path, read_host
from proxy.settings_problems import Finding, shown


def broken_rules(document: Mapping[str, object]) -> list[Finding]:
    """Return every rule that the document breaks."""
    server = _table(document, "server")
    sites = {name: site for name, site in _table(document, "sites").items() if isinstance(site, Mapping)}
    return [
        *_admin(server),
        *_ports(server),
        *_dashboard(document, server),
        *_places(sites),
        *_cookieless(sites),
        *_loader(sites),
    ]


def _table(holder: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = holder.get(key)
    return found if isinstance(found, Mapping) else {}


def _address(server: Mapping[str, Any], key: str) -> Address | None:
    try:
        return read_address(server[key]) if key in server else None
    except PydanticCustomError:
        return None  # said by the model


def _admin(server: Mapping[str, Any]) -> Iterator[Finding]:
    address = _address(server, "admin_listen")
    if address is not None and not address.loopback and server.get("admin_token", "") == "":
        yield Finding(
            ("server", "admin_token"),
            "missing, though admin_listen is not loopback",
            '"env:NAME" or "file:PATH"; or admin_listen on 127.0.0.1 or [::1]',
        )


def _dashboard(document: Mapping[str, object], server: Mapping[str, Any]) -> Iterator[Finding]:
    if _table(document, "dashboard").get("user_header") and not server.get("trusted_proxies"):
        yield Finding(
            ("dashboard", "user_header"),
            "believed from server.trusted_proxies only, and there are none",
            "your proxy's network in server.trusted_proxies; or no user_header",
        )


def _ports(server: Mapping[str, Any]) -> Iterator[Finding]:
    public = _address(server, "listen") or Address("127.0.0.1", 8080)
    admin = _address(server, "admin_listen") or Address("127.0.0.1", 9464)
    everywhere = {"0.0.0.0", "::"}  # noqa: S104  # compared, not bound
    same_host = public.host == admin.host or not everywhere.isdisjoint({public.host, admin.host})
    if public.port == admin.port != 0 and same_host:
        yield Finding(("server", "admin_listen"), "the same port as server.listen", "another port")


def _places(sites: Mapping[str, Mapping[str, Any]]) -> Iterator[Finding]:
    """Check that a request can only ever belong to one site."""
    taken: dict[tuple[str, str], str] = {}
    for name, site in sites.items():
        path = _base_path(site)
        hosts = site.get("hosts", ["*"])
        for position, written in enumerate(hosts if isinstance(hosts, list) else ()):
            host = _host(written)
            place = ("sites", name, "hosts", position) if "hosts" in site else ("sites", name, "hosts")
            if host == "*" and len(sites) > 1:
                yield Finding(
                    place,
                    '"*" is for a single site' if "hosts" in site else "missing: there are several sites",
                    "the names on which this site is served",
                )
            elif host is not None and path is not None:
                owner = taken.setdefault((host, path), name)
                if owner != name:
                    yield Finding(
                        place, f"the site {owner} has this host and base_path", "another host or base_path"
                    )


def _base_path(site: Mapping[str, Any]) -> str | None:
    written = site.get("base_path", "/")
    try:
        return read_base_path(written) if isinstance(written, str) else None
    except PydanticCustomError:
        return None  # said by the model


def _host(written: object) -> str | None:
    try:
        return read_host(written) if isinstance(written, str) else None
    except PydanticCustomError:
        return None  # said by the model


def _cookieless(sites: Mapping[str, Mapping[str, Any]]) -> Iterator[Finding]:
    """Check that no forwarder sends without consent where the preset allows none to."""
    for name, site in sites.items():
        preset = _table(site, "policy").get("preset", DEFAULT_PRESET)
        if preset not in PRESET_NAMES or load_preset(preset).cookieless:
            continue
        for stanza, keys in _table(site, "forwarders").items():
            if isinstance(keys, Mapping) and keys.get("otherwise") == "cookieless":
                yield Finding(
                    ("sites", name, "forwarders", stanza, "otherwise"),
                    f"the preset {preset} sends nothing without consent",
                    '"drop"; or a preset with cookieless events',
                )


_OWN_ROUTES = {"collect", "consent", "debug", "g", "mp"}


def _loader(sites: Mapping[str, Mapping[str, Any]]) -> Iterator[Finding]:
    """Check that the loader's names are no other route's."""
    for name, site in sites.items():
        loader = {"name": "sayso.js", "collect": "collect", "consent": "consent"}
        loader |= {key: value for key, value in _table(site, "loader").items() if key in loader}
        stem = str(loader["name"]).removesuffix(".js")
        taken: dict[str, str] = {}
        for key, written in loader.items():
            owner = taken.setdefault(str(written), key)
            ours = written in _OWN_ROUTES - {key}
            if ours or owner != key or re.fullmatch(rf"{re.escape(stem)}\.[0-9a-f]+\.js", str(written)):
                yield Finding(
                    ("sites", name, "loader", key),
                    f"{shown(str(written))} is the name of another route",
                    "a name of its own",
                )
