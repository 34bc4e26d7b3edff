"""From settings to what the gateway and delivery run on: one ``Site`` per website, every rule worked out. Pure."""

import json
from hashlib import sha256

from proxy.policy import Preset, PresetRule, Rule, load_preset
from proxy.reasons import Decision
from proxy.settings import Settings
from proxy.settings_sites import LoaderSettings, PolicySettings, SiteSettings
from proxy.settings_stanzas import Stanza
from proxy.signals import AD_SIGNALS, SIGNALS
from proxy.site import Link, LoaderPlan, Notice, Site, SitePolicy, VisitorCookie
from proxy.sources.cmp import name_signals

_DAY_S = 24 * 3600


def compile_sites(settings: Settings) -> tuple[Site, ...]:
    """Compile every site, in the order of the file."""
    return tuple(compile_site(name, site) for name, site in settings.sites.items())


def compile_site(name: str, site: SiteSettings) -> Site:
    """Compile one site."""
    preset = load_preset(site.policy.preset)
    links = tuple(_link(stanza_name, stanza, site, preset) for stanza_name, stanza in site.forwarders.items())
    return Site(
        name=name,
        hosts=site.hosts,
        base_path=site.base_path,
        origins=frozenset(site.origins),
        conversions=frozenset(site.conversions),
        ingest_keys=tuple(
            sha256(key.reveal().encode("utf-8", "surrogatepass")).digest() for key in site.ingest_keys
        ),
        cookie=_cookie(site, preset),
        policy=_policy(site.policy, preset, links),
        links=links,
        cmp=site.cmp,
        cmp_names=name_signals(site.cmp_statistics, site.cmp_marketing)
        if site.cmp_statistics or site.cmp_marketing
        else None,
        notice=Notice(**site.notice.model_dump()),
        loader=_loader(site.loader),
        attribution_ms=site.visitor.attribution_days * _DAY_S * 1000,
    )


def _loader(loader: LoaderSettings) -> LoaderPlan | None:
    if not loader.enabled:
        return None
    wanted = {"core": True, "cmp": loader.cmp, "auto": loader.auto, "segment": loader.segment}
    parts = tuple(name for name, there in wanted.items() if there)
    return LoaderPlan(loader.name, parts, loader.collect, loader.consent)


def _cookie(site: SiteSettings, preset: Preset) -> VisitorCookie:
    visitor = site.visitor
    return VisitorCookie(
        visitor.cookie,
        (visitor.max_age_days or preset.max_age_days) * _DAY_S,
        (visitor.consented_max_age_days or preset.consented_max_age_days) * _DAY_S,
    )


def _link(name: str, stanza: Stanza, site: SiteSettings, preset: Preset) -> Link:
    said = _preset_rule(preset, stanza)
    forwarder = stanza.forwarder
    otherwise = said.otherwise if forwarder.otherwise is None else Decision(forwarder.otherwise)
    if otherwise is Decision.COOKIELESS and not (preset.cookieless and forwarder.has_cookieless):
        otherwise = Decision.DROP
    rule = Rule.of(
        said.needs,
        otherwise,
        site.policy.analytics_storage or preset.analytics_storage,
        Decision(site.policy.on_store_failure),
    )
    written = said.events if forwarder.events is None else tuple(forwarder.events)
    return Link(name, stanza.module, forwarder, rule, _events(written, site.conversions))


def _preset_rule(preset: Preset, stanza: Stanza) -> PresetRule:
    """Return what the preset says of a vendor; of one that it does not know, that it gets conversions or nothing."""
    if stanza.module in preset.forwarders:
        return preset.rule_for(stanza.module)
    # A module from outside that names no signal at all needs every ad signal: nothing is full on silence.
    return PresetRule(("conversions",), stanza.forwarder.needs or AD_SIGNALS, Decision.DROP)


def _events(written: tuple[str, ...], conversions: tuple[str, ...]) -> frozenset[str] | None:
    """Return the names of a forwarder's events; None is all."""
    if "*" in written:
        return None
    names = frozenset(written)
    return names - {"conversions"} | frozenset(conversions) if "conversions" in names else names


def _policy(policy: PolicySettings, preset: Preset, links: tuple[Link, ...]) -> SitePolicy:
    return SitePolicy(
        preset=preset.name,
        version=_version(policy, preset, links),
        interest=(policy.analytics_storage or preset.analytics_storage) == "legitimate_interest",
        consent_max_age_ms=policy.consent_max_age_days * _DAY_S * 1000,
        cookieless_address=policy.cookieless_location == "truncated_ip",
        cookieless_transaction_id=policy.cookieless_transaction_id,
        cookieless_params=frozenset(policy.cookieless_params),
        cookieless_max_age_s=policy.cookieless_max_age_minutes * 60,
        dnt=policy.dnt == "objection",
        hold_ms=policy.hold_ms,
        record_keep_s=(policy.record_keep_days or 0) * _DAY_S,
    )


def _version(policy: PolicySettings, preset: Preset, links: tuple[Link, ...]) -> str:
    """Name a policy's exact content: 12 hex digits that change with anything in it, and with nothing else."""
    content = {
        "preset": preset.text,
        "overrides": policy.model_dump(mode="json"),
        "rules": {
            link.name: [
                link.module,
                [SIGNALS[position] for position in link.rule.needs],
                link.rule.otherwise,
                link.rule.unreadable,
                None if link.events is None else sorted(link.events),
            ]
            for link in links
        },
    }
    canonical = json.dumps(content, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return sha256(canonical.encode()).hexdigest()[:12]
