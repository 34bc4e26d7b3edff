"""What ``sayso check-config`` says of a file that can be used, and how it says what is wrong with one that cannot."""

from pathlib import Path

import pytest

from proxy.check import package_warnings, report, warnings
from tests.support import configs

GOOD_SECRETS = {
    "ANALYTICS": "an-analytics-secret",
    "META": "a-meta-token",
    "MICROSOFT": "a-microsoft-token",
    "OUTSIDE": "an-outside-key",
}


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in GOOD_SECRETS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("proxy.check.packages_distributions", dict)


def _behind_env(text: str) -> str:
    for name, value in GOOD_SECRETS.items():
        text = text.replace(f'"{value}"', f'"env:{name}"')
    return text


def _warned(folder: Path, text: str) -> dict[str, str]:
    """Return the advice given about a configuration, by key; its secrets lie in the environment."""
    return {one.key: one.advice for one in warnings(configs.loaded(folder, _behind_env(text)))}


def _clean(policy: str = "", more: str = configs.ANALYTICS, server: str = "", keys: str = "") -> str:
    return f'[server]\ntrusted_proxies = ["127.0.0.1/32"]\n{server}\n' + configs.site(
        policy=policy, more=more, keys=keys
    )


def test_the_default_policy_behind_a_proxy_is_not_warned_about(tmp_path: Path) -> None:
    """A warning that everybody gets would soon be read by nobody."""
    assert _warned(tmp_path, _clean()) == {}


def test_pings_before_consent_are_warned_about(tmp_path: Path) -> None:
    """With the one line that ends them; and with that line in place there is no warning."""
    found = _warned(tmp_path, _clean('preset = "consent-mode"'))
    assert found == {"sites.shop.policy.preset": '[sites.shop.policy] preset = "eea-strict"'}
    assert _warned(tmp_path, _clean('preset = "eea-strict"')) == {}


def test_an_id_on_legitimate_interest_is_warned_about(tmp_path: Path) -> None:
    """Whether a preset or a key of the site brought it, the line named is the one that takes it away."""
    settings = configs.loaded(tmp_path, _behind_env(_clean('preset = "notice-2021"')))
    found = [one for one in warnings(settings) if "legitimate interest" in one.what]
    assert [(one.key, one.advice) for one in found] == [
        ("sites.shop.policy.preset", '[sites.shop.policy] preset = "eea-strict"')
    ]
    assert "Norway since 2025-01-01" in found[0].what
    overridden = _clean('preset = "eea-strict"\nanalytics_storage = "legitimate_interest"')
    assert _warned(tmp_path, overridden) == {
        "sites.shop.policy.analytics_storage": '[sites.shop.policy] analytics_storage = "consent"'
    }


def test_advice_that_would_break_the_file_says_what_else_must_go(tmp_path: Path) -> None:
    """A preset without cookieless events does not take a forwarder that asks for them."""
    more = configs.ANALYTICS + 'otherwise = "cookieless"'
    found = _warned(tmp_path, _clean('preset = "consent-mode"', more))
    assert 'otherwise = "cookieless": google_analytics' in found["sites.shop.policy.preset"]


def test_keeping_more_than_an_outbox_takes_back_is_warned_about(tmp_path: Path) -> None:
    """Unless nothing is kept."""
    found = _warned(tmp_path, _clean() + "[delivery]\nmax_entries = 500")
    assert found == {"delivery.replay_entries": "replay_entries = 500, or a higher max_entries"}
    assert _warned(tmp_path, _clean() + "[delivery]\nmax_entries = 500\nreplay_hours = 0") == {}


SITE_CASES = [
    (
        'preset = "consent-mode"',
        configs.MICROSOFT + 'otherwise = "cookieless"',
        "sites.shop.forwarders.microsoft.otherwise",
        '[sites.shop.forwarders.microsoft] otherwise = "drop"',
    ),
    ("", configs.META + 'test_event_code = "TEST1"', "sites.shop.forwarders.meta.test_event_code", '""'),
    (
        "",
        configs.META + 'events = ["*"]\n' + configs.OUTSIDE + "events = []",
        "sites.shop.forwarders.mine.events",
        "",
    ),
    ("", "", "sites.shop.forwarders", "[sites.shop.forwarders.google_analytics]"),
    ('on_store_failure = "cookieless"', configs.ANALYTICS, "sites.shop.policy.on_store_failure", '"drop"'),
    (
        'cookieless_params = ["colour", "email"]',
        configs.ANALYTICS,
        "sites.shop.policy.cookieless_params[1]",
        "",
    ),
    ('cookieless_params = ["gclid"]', configs.ANALYTICS, "sites.shop.policy.cookieless_params[0]", ""),
    (
        'preset = "notice-2021"',
        configs.ANALYTICS + "[sites.shop.visitor]\nconsented_max_age_days = 90",
        "sites.shop.visitor.consented_max_age_days",
        "consented_max_age_days = 7",
    ),
    (
        'preset = "consent-mode"',
        "[sites.shop.forwarders.google_ads]\ncustomer_id = '1'\ncredentials = '''"
        + configs.SERVICE_ACCOUNT
        + "'''\n[sites.shop.forwarders.google_ads.conversions.purchase]\naction_id = '2'",
        "sites.shop.forwarders.google_ads",
        'otherwise = "drop"',
    ),
]


@pytest.mark.parametrize(
    ("policy", "more", "key", "advice"), SITE_CASES, ids=[case[2] for case in SITE_CASES]
)
def test_what_is_unwise_about_a_site(tmp_path: Path, policy: str, more: str, key: str, advice: str) -> None:
    """Each is named by its key, with what to write instead."""
    found = _warned(tmp_path, _clean(policy, more))
    assert key in found
    assert advice in found[key]


def test_a_conversion_that_goes_nowhere_is_warned_about(tmp_path: Path) -> None:
    """But only where the site wrote the list itself."""
    more = configs.META + 'events = ["purchase"]'
    assert _warned(tmp_path, _clean(more=more)) == {}
    found = _warned(tmp_path, _clean(more=more, keys='conversions = ["purchase", "sign_up"]'))
    assert set(found) == {"sites.shop.conversions[1]"}


@pytest.mark.parametrize(
    ("table", "key"),
    [
        ('[server]\nadmin_listen = "0.0.0.0:9464"\nadmin_token = "env:LONG"', "server.admin_listen"),
        ("[server]\nrate_limit_per_minute = 0", "server.rate_limit_per_minute"),
        ('[server]\ntrusted_proxies = ["10.0.0.0/8", "::/0"]', "server.trusted_proxies[1]"),
        ('[server]\nadmin_token = "env:SHORT"', "server.admin_token"),
        ('[server]\nadmin_token = "a-literal-token-that-is-long"', "server.admin_token"),
        ('[store]\ndurability = "everysec"', "store.durability"),
        ('[store]\nurl = "redis://:pass@127.0.0.1"', "store.url"),
        ('[store]\nurl = "redis://valkey.internal"', "store.url"),
        ('[egress]\norigin = "http://127.0.0.1:9"', "egress.origin"),
        ('[egress]\nproxy = "http://u:p@127.0.0.1:9"', "egress.proxy"),
    ],
)
def test_what_is_unwise_about_a_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, table: str, key: str
) -> None:
    """And nothing else is said."""
    monkeypatch.setenv("SHORT", "short")
    monkeypatch.setenv("LONG", "a-token-that-is-long-enough")
    site = configs.site(more=configs.ANALYTICS).replace("https://shop.example", "http://localhost:3000")
    assert set(_warned(tmp_path, f"{table}\n{site}")) == {key}


@pytest.mark.parametrize(
    "table",
    [
        '[store]\nurl = "env:URL"',
        '[store]\nurl = "redis://localhost"',
        '[store]\nurl = "unix:///run/valkey.sock"',
    ],
)
def test_a_store_that_is_reached_safely_is_not_warned_about(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, table: str
) -> None:
    """On this machine, or encrypted with the password kept elsewhere."""
    monkeypatch.setenv("URL", "rediss://:pass@valkey.internal")
    assert _warned(tmp_path, f"{table}\n{_clean()}") == {}


def test_without_a_trusted_proxy_https_pages_are_warned_about(tmp_path: Path) -> None:
    """Sayso speaks no https, so something stands in front of it, whose address all visitors would have."""
    text = configs.site(more=configs.ANALYTICS)
    assert set(_warned(tmp_path, text)) == {"server.trusted_proxies"}
    assert _warned(tmp_path, text.replace("https://shop.example", "https://localhost:8443")) == {}


def test_pages_over_plain_http_are_warned_about(tmp_path: Path) -> None:
    """Unless they are on this machine."""
    text = _clean().replace("https://shop.example", "http://shop.example:8080")
    assert _warned(tmp_path, text) == {"sites.shop.origins[0]": '"https://shop.example:8080"'}
    for local in ("http://localhost:8080", "http://127.0.0.1", "http://[::1]:8080"):
        assert _warned(tmp_path, _clean().replace("https://shop.example", local)) == {}


def test_literal_secrets_are_found_wherever_they_are(tmp_path: Path) -> None:
    """Also those of forwarders from outside."""
    text = _clean(more=configs.META + configs.OUTSIDE, keys='ingest_keys = ["a-literal-ingest-key", "short"]')
    found = [(one.key, one.what) for one in warnings(configs.loaded(tmp_path, text))]
    literal, short = "the secret stands in the file itself", "the secret is short enough to be guessed"
    assert found == [
        ("sites.shop.ingest_keys[0]", literal),
        ("sites.shop.ingest_keys[1]", literal),
        ("sites.shop.ingest_keys[1]", short),
        ("sites.shop.forwarders.meta.access_token", literal),
        ("sites.shop.forwarders.mine.key", literal),
    ]


def test_foreign_packages_of_our_name_are_warned_about() -> None:
    """Their files would lie among ours."""
    assert not list(package_warnings({"proxy": ["sayso"], "forwarders": ["Sayso"], "other": ["x"]}))
    assert not list(package_warnings({}))
    (found,) = package_warnings({"proxy": ["sayso", "proxy.py"], "forwarders": ["sayso"]})
    assert "proxy.py" in found.what


# --- the command's text -----------------------------------------------------------------------------------------------


def test_a_file_with_problems_is_reported_line_by_line(tmp_path: Path) -> None:
    """File, key, what is wrong and what is allowed, and an exit code of 1."""
    path = configs.written(
        tmp_path, '[server]\nworkers = 0\nlisten = "x"\n[sites.shop]\nhost = ["shop.example"]'
    )
    code, text = report(path)
    assert code == 1
    assert text.splitlines() == [
        f"{path}: server.listen: not an address to listen on; allowed: HOST:PORT, such as 127.0.0.1:8080, [::1]:8080"
        " or 0.0.0.0:8080; port 0 is a free one",
        f"{path}: server.workers: too small; allowed: a whole number, 1 to 64",
        f"{path}: sites.shop.host: unknown key; did you mean hosts?; allowed: base_path, cmp, cmp_marketing, cmp_statistics, conversions, forwarders, hosts,"
        " ingest_keys, loader, notice, origins, policy, visitor",
    ]


def test_a_file_that_can_be_used_is_reported_with_its_warnings(tmp_path: Path) -> None:
    """With an exit code of 0, warnings or not."""
    path = configs.written(tmp_path, _behind_env(_clean('preset = "consent-mode"')))
    code, text = report(path)
    assert code == 0
    hint = (
        f"{path}: hint: sites.shop.notice: consent records are not complete as proof without controller, contact,"
        " jurisdiction, language, version, storage; better: [sites.shop.notice] with these keys"
    )
    assert text.splitlines() == [
        f"{path}: warning: sites.shop.policy.preset: consent-mode sends cookieless pings before the visitor has"
        ' answered, which is contested in the EEA; better: [sites.shop.policy] preset = "eea-strict"',
        hint,
        f"{path}: no problems, 1 warning",
    ]
    configs.written(tmp_path, _behind_env(_clean()))
    assert report(path) == (0, f"{hint}\n{path}: no problems, 0 warnings")


def test_a_notice_that_says_everything_leaves_no_hint(tmp_path: Path) -> None:
    """And what it leaves out is named, alone."""
    notice = (
        '[sites.shop.notice]\ncontroller = "Shop AS"\ncontact = "privacy@shop.example"\njurisdiction = "NO"\n'
    )
    notice += 'language = "nb"\nversion = "1"\n'
    path = configs.written(tmp_path, _behind_env(_clean(more=configs.ANALYTICS + notice)))
    (hint, _) = report(path)[1].splitlines()
    assert "as proof without storage;" in hint
    configs.written(tmp_path, _behind_env(_clean(more=configs.ANALYTICS + notice + 'storage = ["EU"]\n')))
    assert report(path)[1] == f"{path}: no problems, 0 warnings"


def test_a_file_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    """Not a traceback."""
    code, text = report(tmp_path / "missing.toml")
    assert code == 1
    assert (
        text
        == f"{tmp_path / 'missing.toml'}: cannot be read: No such file or directory; allowed: a TOML file"
    )
