"""Warnings about one site: what its law may not allow, and what its configuration leaves without effect."""

from collections.abc import Iterator

from proxy.check_words import ConfigWarning
from proxy.clickids import CLICK_IDS
from proxy.policy import load_preset
from proxy.reasons import Decision
from proxy.sensitive_keys import is_sensitive
from proxy.settings_net import is_loopback, origin_host
from proxy.settings_problems import key_path
from proxy.settings_sites import SiteSettings
from proxy.site import Link, Site


def site_warnings(site: Site, settings: SiteSettings) -> Iterator[ConfigWarning]:
    """Yield what is unwise about a site; ``site`` is what ``settings`` were compiled to."""
    yield from _law(site, settings)
    yield from _policy(site, settings)
    yield from _origins(site, settings)
    yield from _conversions(site, settings)
    for link in site.links:
        yield from _forwarder(site, link)


def _key(site: Site, *keys: str | int) -> str:
    return key_path(("sites", site.name, *keys))


def _line(site: Site, table: str, line: str) -> str:
    return f"[{_key(site, table)}] {line}"


def _law(site: Site, settings: SiteSettings) -> Iterator[ConfigWarning]:
    policy = settings.policy
    explicit = [link.name for link in site.links if link.forwarder.otherwise == "cookieless"]
    strict = _line(site, "policy", 'preset = "eea-strict"')
    if explicit:
        strict += f' (which takes no otherwise = "cookieless": {", ".join(explicit)})'
    if load_preset(policy.preset).cookieless:
        yield ConfigWarning(
            _key(site, "policy", "preset"),
            f"{policy.preset} sends cookieless pings before the visitor has answered, which is contested in the EEA",
            strict,
        )
    if site.policy.interest:
        overridden = policy.analytics_storage is not None
        yield ConfigWarning(
            _key(site, "policy", "analytics_storage" if overridden else "preset"),
            "visitors get an id on legitimate interest, which is not allowed where a cookie needs consent"
            " (Norway since 2025-01-01)",
            _line(site, "policy", 'analytics_storage = "consent"') if overridden else strict,
        )


def _policy(site: Site, settings: SiteSettings) -> Iterator[ConfigWarning]:
    policy = settings.policy
    consented = settings.visitor.consented_max_age_days
    if policy.preset == "notice-2021" and consented is not None and consented > 7:
        yield ConfigWarning(
            _key(site, "visitor", "consented_max_age_days"),
            "the notice that this preset follows promises at most 7 days",
            _line(site, "visitor", "consented_max_age_days = 7"),
        )
    any_cookieless = any(link.rule.otherwise is Decision.COOKIELESS for link in site.links)
    if policy.on_store_failure == "cookieless" and not any_cookieless:
        yield ConfigWarning(
            _key(site, "policy", "on_store_failure"),
            "without effect: no forwarder of this site may send cookieless",
            'on_store_failure = "drop"',
        )
    for position, name in enumerate(policy.cookieless_params):
        if is_sensitive(name) or name.lower() in CLICK_IDS:
            yield ConfigWarning(
                _key(site, "policy", "cookieless_params", position),
                "by its name this parameter holds something personal, and cookieless events name nobody",
                "take it out of the list",
            )


def _origins(site: Site, settings: SiteSettings) -> Iterator[ConfigWarning]:
    for position, origin in enumerate(settings.origins):
        if origin.startswith("http:") and not is_loopback(origin_host(origin)):
            yield ConfigWarning(
                _key(site, "origins", position),
                "over plain http everyone on the way reads the events, and browsers do not keep the cookies",
                f'"https:{origin.removeprefix("http:")}"',
            )


def _conversions(site: Site, settings: SiteSettings) -> Iterator[ConfigWarning]:
    if not site.links:
        yield ConfigWarning(
            _key(site, "forwarders"),
            "the site has no forwarder: its events are counted and go nowhere",
            f"a table such as [{_key(site, 'forwarders', 'google_analytics')}]",
        )
        return
    if "conversions" not in settings.model_fields_set:
        return
    for position, name in enumerate(settings.conversions):
        if not any(link.wants(name) for link in site.links):
            yield ConfigWarning(
                _key(site, "conversions", position),
                f"no forwarder is set up for {name}",
                f"set one up, for example in [{_key(site, 'forwarders', 'google_ads', 'conversions', name)}]",
            )


def site_hints(site: Site) -> Iterator[ConfigWarning]:
    """Yield what is not unwise to leave out, but is missed later: what consent records must state as proof."""
    notice = site.notice
    wanted = {
        "controller": notice.controller,
        "contact": notice.contact,
        "jurisdiction": notice.jurisdiction,
        "language": notice.language,
        "version": notice.version,
        "storage": notice.storage,
    }
    absent = [name for name, written in wanted.items() if not written]
    if absent:
        yield ConfigWarning(
            _key(site, "notice"),
            f"consent records are not complete as proof without {', '.join(absent)}",
            f"[{_key(site, 'notice')}] with these keys",
        )


def _forwarder(site: Site, link: Link) -> Iterator[ConfigWarning]:
    forwarder = link.forwarder

    def key(*keys: str) -> str:
        return _key(site, "forwarders", link.name, *keys)

    # Only forwarders that are tested against live accounts have such a key, and only while testing should it be set.
    if getattr(forwarder, "test_event_code", ""):
        yield ConfigWarning(
            key("test_event_code"),
            "events with a test code count as live all the same, and show up as tests",
            'test_event_code = ""',
        )
    if link.module == "microsoft" and link.rule.otherwise is Decision.COOKIELESS:
        yield ConfigWarning(
            key("otherwise"),
            "Microsoft is told of visitors who have not consented, which is contested in the EEA",
            f'[{key()}] otherwise = "drop"',
        )
    wanted = sorted(name for name in link.events or site.conversions if link.wants(name))
    if link.events is not None and not wanted:
        yield ConfigWarning(
            key("events"),
            "this forwarder never gets an event: none of these names is set up for it",
            "names that are, or fewer keys missing in this table",
        )
    mute = [name for name in wanted if not forwarder.cookieless_configured(name)]
    if link.rule.otherwise is Decision.COOKIELESS and mute:
        yield ConfigWarning(
            key(),
            f"without consent nothing can be sent for {', '.join(mute)}: what a cookieless request needs is missing",
            'the missing keys (see the reference), or otherwise = "drop"',
        )
