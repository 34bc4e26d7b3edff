"""What ``sayso check-config`` says: every problem of a file, or what is legal to write but unwise."""

from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import packages_distributions
from pathlib import Path

from pydantic import BaseModel

from proxy.check_sites import site_hints, site_warnings
from proxy.check_words import ConfigWarning
from proxy.compile import compile_sites
from proxy.secret import Secret
from proxy.settings import ConfigError, Settings, load_settings
from proxy.settings_net import is_loopback, origin_host
from proxy.settings_problems import Loc, key_path
from proxy.settings_stanzas import Stanza

__all__ = ["ConfigWarning", "report", "warnings"]

_OURS = "sayso"
_SHORTEST = 16
_OWN_SECRETS = frozenset({"admin_token", "id_key", "ingest_keys"})


def report(path: Path) -> tuple[int, str]:
    """Check a configuration file.

    Returns:
        The exit code (0: it can be used; 1: it cannot) and what to print, one problem, warning or hint per line.
    """
    try:
        settings = load_settings(path)
    except ConfigError as error:
        return 1, str(error)
    unwise = [f"{path}: warning: {one}" for one in warnings(settings)]
    hints = [f"{path}: hint: {one}" for site in compile_sites(settings) for one in site_hints(site)]
    return 0, "\n".join([*unwise, *hints, f"{path}: no problems, {_count(len(unwise), 'warning')}"])


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def warnings(settings: Settings) -> list[ConfigWarning]:
    """Return what is legal to write but unwise, each with the line that changes it."""
    found = [
        *_server(settings),
        *_store(settings),
        *_delivery(settings),
        *_egress(settings),
        *_secrets(settings),
        *package_warnings(packages_distributions()),
    ]
    for site in compile_sites(settings):
        found += site_warnings(site, settings.sites[site.name])
    return found


# --- the server -----------------------------------------------------------------------------------------------------


def _server(settings: Settings) -> Iterator[ConfigWarning]:
    server = settings.server
    if not server.admin_listen.loopback:
        yield ConfigWarning(
            "server.admin_listen",
            "the admin API leaves this machine over plain http, its token too",
            'admin_listen = "127.0.0.1:9464", and a server that speaks https in front of it',
        )
    if server.rate_limit_per_minute == 0:
        yield ConfigWarning(
            "server.rate_limit_per_minute",
            "nobody is limited: one client can fill the store",
            "rate_limit_per_minute = 6000",
        )
    if not server.trusted_proxies and _stands_behind_https(settings):
        yield ConfigWarning(
            "server.trusted_proxies",
            "the pages are https, so a server stands in front of Sayso; as it is not trusted, all visitors count as one"
            " address, for the rate limit and for the country",
            'trusted_proxies = ["127.0.0.1/32"], with the address of that server',
        )
    for position, network in enumerate(server.trusted_proxies):
        if network.prefixlen == 0:
            yield ConfigWarning(
                f"server.trusted_proxies[{position}]",
                "everybody may claim any address",
                "only the networks of your own proxies",
            )


def _stands_behind_https(settings: Settings) -> bool:
    """Tell whether pages are served over https, which Sayso itself does not speak."""
    origins = [origin for site in settings.sites.values() for origin in site.origins]
    return any(origin.startswith("https:") and not is_loopback(origin_host(origin)) for origin in origins)


def _store(settings: Settings) -> Iterator[ConfigWarning]:
    store = settings.store
    if store.durability == "everysec":
        yield ConfigWarning(
            "store.durability",
            "a power failure, and on a busy disk a crash, loses up to two seconds of accepted events and of withdrawals"
            if store.embedded
            else "if your store syncs once a second, a power failure loses up to two seconds of accepted events and of"
            " withdrawals, and this says that you accept it",
            'durability = "always"',
        )
    if store.url.startswith("redis://") and not is_loopback(store.url.host):
        yield ConfigWarning(
            "store.url",
            "consent, hashed contact data and the password reach the store unencrypted",
            'url = "rediss://..."',
        )
    if store.url.literal and store.url.has_password:
        yield _literal("store.url")


def _delivery(settings: Settings) -> Iterator[ConfigWarning]:
    delivery = settings.delivery
    if delivery.replay_hours and delivery.replay_entries > delivery.max_entries:
        yield ConfigWarning(
            "delivery.replay_entries",
            "more delivered entries are kept than an outbox can take back",
            f"replay_entries = {delivery.max_entries}, or a higher max_entries",
        )


def _egress(settings: Settings) -> Iterator[ConfigWarning]:
    egress = settings.egress
    if egress.origin:
        yield ConfigWarning(
            "egress.origin",
            f"no vendor gets anything: all requests, with their tokens, go to {egress.origin}",
            'origin = ""',
        )
    if egress.proxy.literal and egress.proxy.has_password:
        yield _literal("egress.proxy")


# --- secrets --------------------------------------------------------------------------------------------------------


def _literal(key: str) -> ConfigWarning:
    return ConfigWarning(
        key, "the secret stands in the file itself", '"env:NAME" or "file:PATH"; and a new secret'
    )


def _secrets(settings: Settings) -> Iterator[ConfigWarning]:
    """Find secrets that anyone with the file can read, and short ones among those that Sayso itself checks."""
    for loc, secret in every_secret((), settings):
        if secret.literal:
            yield _literal(key_path(loc))
        if not _OWN_SECRETS.isdisjoint(loc) and len(secret.reveal()) < _SHORTEST:
            yield ConfigWarning(
                key_path(loc),
                "the secret is short enough to be guessed",
                f"at least {_SHORTEST} random characters",
            )


def every_secret(loc: Loc, value: object) -> Iterator[tuple[Loc, Secret]]:
    """Yield every secret below a place of the settings, with where it stands."""
    match value:
        case Secret():
            yield loc, value
        case BaseModel():
            for name in type(value).model_fields:
                yield from every_secret((*loc, name), getattr(value, name))
        case Stanza():
            yield from every_secret(loc, value.forwarder)
        case Mapping():
            for name, below in value.items():
                yield from every_secret((*loc, str(name)), below)
        case tuple() | list():
            for position, below in enumerate(value):
                yield from every_secret((*loc, position), below)
        case _:
            return


# --- the installation -------------------------------------------------------------------------------------------------


def package_warnings(owners: Mapping[str, Sequence[str]]) -> Iterator[ConfigWarning]:
    """Warn of other distributions whose files lie among ours: whichever was installed last has overwritten the other.

    Args:
        owners: top-level import names with the distributions that bring them, as ``packages_distributions`` returns.
    """
    for package in ("proxy", "forwarders"):
        others = sorted({owner for owner in owners.get(package, ()) if owner.lower() != _OURS})
        if others:
            yield ConfigWarning(
                "",
                f"the Python package {package} is also installed by {', '.join(others)}",
                "an environment for Sayso alone",
            )
