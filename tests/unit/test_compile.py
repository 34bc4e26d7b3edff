"""Settings to sites: which rule each forwarder gets, which events, which lives a cookie has."""

from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.compile import compile_site, compile_sites
from proxy.policy import PRESET_NAMES, decide, load_preset
from proxy.reasons import Decision, Reason
from proxy.settings_stanzas import Stanza
from proxy.signals import INDEX, SIGNALS, UNKNOWN_STATE, Signal
from proxy.site import Link, Site
from tests.support import configs

ADS = f"""
[sites.shop.forwarders.google_ads]
customer_id = "1234567890"
credentials = '''{configs.SERVICE_ACCOUNT}'''
conversion_id = "AW-123456789"
[sites.shop.forwarders.google_ads.conversions.purchase]
action_id = "987654321"
label = "AbC-D_efG"
"""
EVERY = configs.ANALYTICS + configs.META + configs.MICROSOFT + configs.OUTSIDE + ADS
DAY_S = 24 * 3600


def _site(folder: Path, text: str) -> Site:
    (site,) = compile_sites(configs.loaded(folder, text))
    return site


def _links(folder: Path, text: str) -> dict[str, Link]:
    return {link.name: link for link in _site(folder, text).links}


def _needs(link: Link) -> set[Signal]:
    return {SIGNALS[position] for position in link.rule.needs}


def test_a_site_is_compiled(tmp_path: Path) -> None:
    """Every key of it ends where the gateway looks for it."""
    site = _site(
        tmp_path,
        configs.site(
            keys='hosts = ["Shop.example"]\nbase_path = "/s"\nconversions = ["purchase"]\n'
            'ingest_keys = ["key-one", "key-two"]',
            policy='preset = "consent-mode"\nconsent_max_age_days = 30\ncookieless_location = "none"\n'
            'cookieless_transaction_id = false\ncookieless_params = ["colour"]\ncookieless_max_age_minutes = 5',
            more='[sites.shop.visitor]\ncookie = "v"\nmax_age_days = 3\nconsented_max_age_days = 60\n'
            + EVERY,
        ),
    )
    assert (site.name, site.hosts, site.base_path) == ("shop", ("shop.example",), "/s/")
    assert site.origins == {"https://shop.example"}
    assert site.conversions == {"purchase"}
    assert site.ingest_keys == tuple(sha256(key).digest() for key in (b"key-one", b"key-two"))
    assert site.has_key("key-two")
    assert not site.has_key("key-three")
    assert (site.cookie.name, site.cookie.max_age_s, site.cookie.consented_max_age_s) == (
        "v",
        3 * DAY_S,
        60 * DAY_S,
    )
    policy = site.policy
    assert (policy.preset, policy.interest) == ("consent-mode", False)
    assert policy.consent_max_age_ms == 30 * DAY_S * 1000
    assert (policy.cookieless_address, policy.cookieless_transaction_id) == (False, False)
    assert policy.cookieless_params == {"colour"}
    assert policy.cookieless_max_age_s == 300
    assert [link.name for link in site.links] == [
        "google_analytics",
        "meta",
        "microsoft",
        "mine",
        "google_ads",
    ]
    assert "_fbp" in site.cookie_names


def test_sites_come_in_the_order_of_the_file(tmp_path: Path) -> None:
    """So that reports list them as their owner does."""
    text = '[sites.b]\nhosts = ["b.example"]\n[sites.a]\nhosts = ["a.example"]'
    assert [site.name for site in compile_sites(configs.loaded(tmp_path, text))] == ["b", "a"]


@pytest.mark.parametrize(
    ("preset", "ages"), [("consent-mode", (7, 90)), ("notice-2021", (7, 7)), ("eea-strict", (7, 90))]
)
def test_a_cookie_lives_as_the_preset_says(tmp_path: Path, preset: str, ages: tuple[int, int]) -> None:
    """Where the site says nothing else."""
    cookie = _site(tmp_path, configs.site(policy=f'preset = "{preset}"')).cookie
    assert (cookie.max_age_s, cookie.consented_max_age_s) == (ages[0] * DAY_S, ages[1] * DAY_S)


@pytest.mark.parametrize("preset", PRESET_NAMES)
def test_a_forwarder_gets_its_presets_rule(tmp_path: Path, preset: str) -> None:
    """Signals, events and what happens without consent are those of the preset's file."""
    links = _links(tmp_path, configs.site(policy=f'preset = "{preset}"', more=EVERY))
    for name in ("google_analytics", "google_ads", "meta", "microsoft"):
        said = load_preset(preset).forwarders[name]
        assert _needs(links[name]) == set(said.needs)
        assert links[name].rule.otherwise is said.otherwise
        assert links[name].rule.interest == (preset == "notice-2021")
    conversions = frozenset({"purchase", "generate_lead", "sign_up"})
    assert links["google_analytics"].events is None
    assert links["google_ads"].events == conversions


def test_a_forwarder_that_the_preset_does_not_know_is_strict(tmp_path: Path) -> None:
    """It needs what its own class says, gets conversions, and nothing without consent."""
    link = _links(tmp_path, configs.site(policy='preset = "consent-mode"', more=EVERY))["mine"]
    assert _needs(link) == {Signal.AD_STORAGE}
    assert link.rule.otherwise is Decision.DROP
    assert link.events == frozenset({"purchase", "generate_lead", "sign_up"})
    text = configs.site(policy='preset = "consent-mode"', more=configs.OUTSIDE + 'otherwise = "cookieless"')
    assert _links(tmp_path, text)["mine"].rule.otherwise is Decision.COOKIELESS


def test_a_vendor_without_cookieless_mode_is_never_cookieless(tmp_path: Path) -> None:
    """Even if a preset's file says so: then it gets nothing."""
    site = configs.loaded(tmp_path, configs.site(policy='preset = "consent-mode"', more=configs.META)).sites[
        "shop"
    ]
    stanza = Stanza("google_ads", site.forwarders["meta"].forwarder)
    (link,) = compile_site("shop", site.model_copy(update={"forwarders": {"x": stanza}})).links
    assert link.rule.otherwise is Decision.DROP


def test_a_second_account_has_its_vendors_rule(tmp_path: Path) -> None:
    """Whatever the stanza is called."""
    second = configs.ANALYTICS.replace("google_analytics]", 'roll_up]\ntype = "google_analytics"')
    link = _links(tmp_path, configs.site(policy='preset = "consent-mode"', more=second))["roll_up"]
    assert link.module == "google_analytics"
    assert _needs(link) == {Signal.ANALYTICS_STORAGE}
    assert link.rule.otherwise is Decision.COOKIELESS


@pytest.mark.parametrize(
    ("written", "means"),
    [
        ('["*"]', None),
        ('["purchase", "*"]', None),
        ('["conversions"]', {"purchase", "sign_up"}),
        ('["conversions", "view_item"]', {"purchase", "sign_up", "view_item"}),
        ('["view_item"]', {"view_item"}),
        ("[]", set()),
    ],
)
def test_events_of_a_forwarder(tmp_path: Path, written: str, means: set[str] | None) -> None:
    """All, the site's conversions, names, or a mixture."""
    text = configs.site(
        keys='conversions = ["purchase", "sign_up"]', more=f"{configs.META}events = {written}"
    )
    link = _links(tmp_path, text)["meta"]
    assert link.events == means
    assert link.wants("purchase") == (means is None or "purchase" in means)


def test_otherwise_is_overridden(tmp_path: Path) -> None:
    """In both directions."""
    more = configs.ANALYTICS + 'otherwise = "drop"\n' + configs.MICROSOFT + 'otherwise = "cookieless"\n'
    links = _links(tmp_path, configs.site(policy='preset = "consent-mode"', more=more))
    assert links["google_analytics"].rule.otherwise is Decision.DROP
    assert links["microsoft"].rule.otherwise is Decision.COOKIELESS


def test_an_unreadable_record_is_never_more_than_no_consent(tmp_path: Path) -> None:
    """``on_store_failure`` counts only where a cookieless event would be sent anyway."""
    text = configs.site(policy='preset = "consent-mode"\non_store_failure = "cookieless"', more=EVERY)
    unreadable = {name: link.rule.unreadable for name, link in _links(tmp_path, text).items()}
    assert unreadable == {
        "google_analytics": Decision.COOKIELESS,
        "google_ads": Decision.COOKIELESS,
        "meta": Decision.DROP,
        "microsoft": Decision.DROP,
        "mine": Decision.DROP,
    }
    strict = _links(tmp_path, text.replace("consent-mode", "eea-strict"))
    assert {link.rule.unreadable for link in strict.values()} == {Decision.DROP}


def test_legitimate_interest_is_one_key(tmp_path: Path) -> None:
    """It allows statistics to the silent, and changes nothing for the ad signals."""
    text = configs.site(policy='analytics_storage = "legitimate_interest"', more=EVERY)
    site = _site(tmp_path, text)
    assert site.policy.interest
    decided = {link.name: decide(link.rule, UNKNOWN_STATE) for link in site.links}
    assert decided.pop("google_analytics").reason is Reason.LEGITIMATE_INTEREST
    assert {one.decision for one in decided.values()} == {Decision.DROP}


def test_a_policys_version_names_its_content(tmp_path: Path) -> None:
    """The same for the same content, another for every change of what may be sent, and no secret in it."""
    base = configs.site(policy='preset = "consent-mode"', more=EVERY)
    version = _site(tmp_path, base).policy.version
    assert len(version) == 12
    same = [
        base.replace("a-meta-token", "another-token"),
        base.replace("[sites.shop]", "[sites.shop] # comment"),
    ]
    changed = [
        base.replace("consent-mode", "notice-2021"),
        base.replace("consent-mode", "eea-strict"),
        base.replace("[sites.shop.policy]", "[sites.shop.policy]\nconsent_max_age_days = 364"),
        base.replace("[sites.shop.policy]", '[sites.shop.policy]\ncookieless_params = ["colour"]'),
        base.replace("[sites.shop]", '[sites.shop]\nconversions = ["purchase"]'),
        base + '[sites.shop.forwarders.more]\ntype = "tests.support.outside"\naccount = "x"\nkey = "a-key"',
        base.replace("[sites.shop.forwarders.meta]", '[sites.shop.forwarders.meta]\nevents = ["purchase"]'),
        base.replace(
            "[sites.shop.forwarders.google_analytics]",
            '[sites.shop.forwarders.google_analytics]\notherwise = "drop"',
        ),
    ]
    assert {_site(tmp_path, text).policy.version for text in same} == {version}
    others = {_site(tmp_path, text).policy.version for text in changed}
    assert len(others) == len(changed)
    assert version not in others


_POLICIES = st.fixed_dictionaries(
    {},
    optional={
        "preset": st.sampled_from(PRESET_NAMES),
        "analytics_storage": st.sampled_from(["consent", "legitimate_interest"]),
        "on_store_failure": st.sampled_from(["drop", "cookieless"]),
    },
)


@settings(max_examples=100, deadline=None)
@given(_POLICIES)
def test_silence_never_allows_the_ad_signals(policy: dict[str, str]) -> None:
    """However a policy is put together, no forwarder that needs an ad signal gets a full event without a word."""
    stanzas = {
        "google_analytics": {"measurement_id": "G-ABC1234", "api_secret": "x"},
        "meta": {"dataset_id": "1", "access_token": "x"},
        "microsoft": {"tag_id": "1", "api_token": "x"},
    }
    (site,) = compile_sites(configs.of({"sites": {"shop": {"policy": policy, "forwarders": stanzas}}}))
    for link in site.links:
        decided = decide(link.rule, UNKNOWN_STATE)
        if link.rule.needs != (INDEX[Signal.ANALYTICS_STORAGE],):
            assert decided.decision is not Decision.FULL
        if not load_preset(site.policy.preset).cookieless:
            assert decided.decision is not Decision.COOKIELESS
        assert link.rule.unreadable is not Decision.FULL
