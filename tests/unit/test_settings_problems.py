"""What is said of a configuration that cannot be used: everything at once."""

from pathlib import Path

import pytest

from proxy.forwarder_modules import shipped
from proxy.settings import ConfigError, load_settings
from tests.support import configs

SITE = "[sites.shop]\n"


def test_every_problem_is_reported_at_once(tmp_path: Path) -> None:
    """One in each table, of each kind; none hides another."""
    found = configs.problems(
        tmp_path,
        """
        [server]
        workers = "4"
        admin_listen = "0.0.0.0:8080"
        rate_limit_per_minute = -1
        [store]
        url = "redis+cluster://valkey.internal"
        durabilty = "always"
        [egress]
        origin = "https://sink.example/path"
        [delivery]
        timeout_s = true
        [log]
        level = "verbose"
        [lgo]
        [sites.shop]
        hosts = ["*"]
        conversions = ["1st"]
        [sites.shop.visitor]
        cookie = "_sayso_consent"
        max_age_days = 8
        consented_max_age_days = 401
        [sites.shop.policy]
        preset = "cnil-proxy"
        analytics_storage = "contract"
        consent_max_age_days = 0
        cookieless_params = ["a b"]
        [sites.shop.forwarders.mine]
        type = "tests.support.outside"
        acount = "A-1"
        key = 5
        events = ["purchase", "9"]
        [sites.shop.forwarders.nope]
        [sites.outlet]
        forwarders = 3
        """,
    )
    words = {key: problem.what for key, problem in found.items()}
    assert words == {
        "server.workers": "a text stands here",
        "server.admin_listen": "the same port as server.listen",
        "server.admin_token": "missing, though admin_listen is not loopback",
        "server.rate_limit_per_minute": "too small",
        "store.url": "redis+cluster:// is not built yet",
        "store.durabilty": "unknown key; did you mean durability?",
        "egress.origin": "not an origin",
        "delivery.timeout_s": "true or false stands here",
        "log.level": "not one of the words allowed",
        "lgo": "unknown key; did you mean log?",
        "sites.shop.hosts[0]": '"*" is for a single site',
        "sites.shop.conversions[0]": "'1st' is not an event's name",
        "sites.shop.visitor.cookie": "this is the cookie that remembers refusals",
        "sites.shop.visitor.max_age_days": "too large",
        "sites.shop.visitor.consented_max_age_days": "too large",
        "sites.shop.policy.preset": '"cnil-proxy" is not built yet',
        "sites.shop.policy.analytics_storage": "not one of the words allowed",
        "sites.shop.policy.consent_max_age_days": "too small",
        "sites.shop.policy.cookieless_params[0]": "'a b' is not a parameter's name",
        "sites.shop.forwarders.mine.account": "missing",
        "sites.shop.forwarders.mine.acount": "unknown key; did you mean account?",
        "sites.shop.forwarders.mine.key": "a whole number stands here",
        "sites.shop.forwarders.mine.events[1]": "'9' is not an event's name",
        "sites.shop.forwarders.nope": "there is no such forwarder",
        "sites.outlet.forwarders": "not a table",
        "sites.outlet.hosts": "missing: there are several sites",
    }
    assert all(problem.allowed for problem in found.values())
    assert all(problem.file == str(tmp_path / "sayso.toml") for problem in found.values())
    allowed = {key: problem.allowed for key, problem in found.items()}
    assert allowed["server.workers"] == "a whole number, 1 to 64"
    assert allowed["log.level"] == '"debug", "info", "warning", "error"'
    assert allowed["sites.shop.policy.preset"] == '"consent-mode", "notice-2021", "eea-strict"'
    assert allowed["sites.shop.forwarders.mine.key"] == '"env:NAME" or "file:PATH"'
    assert allowed["sites.shop.forwarders.nope"].startswith(", ".join(shipped()))


@pytest.mark.parametrize(
    "url", ["redis+sentinel://h", "http://h", "valkey", "", "redis://", "redis://h/x", "unix://v.sock"]
)
def test_a_store_that_cannot_be_is_refused(tmp_path: Path, url: str) -> None:
    """What is not built yet, and what is no store at all."""
    assert list(configs.problems(tmp_path, f'[store]\nurl = "{url}"\n{SITE}')) == ["store.url"]


@pytest.mark.parametrize(
    ("text", "key"), [("a = 1\nb =\n", "line 2"), ('a = "', "the last line"), ("a = 1\na = 2\n", "line 2")]
)
def test_a_syntax_error_is_named_by_its_line(tmp_path: Path, text: str, key: str) -> None:
    """The parser stops there, so it is the only problem."""
    found = configs.problems(tmp_path, text)
    assert list(found) == [key]
    assert found[key].what.startswith("not TOML: ")


def test_what_is_no_text_and_what_is_not_there(tmp_path: Path) -> None:
    """Each is one problem, and names the file."""
    (tmp_path / "latin1.toml").write_bytes(b'a = "\xe5"')
    for name in ("latin1.toml", "missing.toml", "."):
        with pytest.raises(ConfigError) as caught:
            load_settings(tmp_path / name)
        assert len(caught.value.problems) == 1
        assert str(tmp_path) in str(caught.value)


def test_nesting_without_end_is_a_problem(tmp_path: Path) -> None:
    """And not the end of the process."""
    assert configs.problems(tmp_path, f"a = {'[' * 5000}{']' * 5000}")
    assert configs.problems(tmp_path, ".".join(["a"] * 5000) + " = 1")


@pytest.mark.parametrize("text", ["", "sites = 3", "[sites]", "[[sites]]\na = 1", "[sites]\nshop = 1"])
def test_without_a_site_there_is_nothing_to_serve(tmp_path: Path, text: str) -> None:
    """However the site is missing."""
    found = configs.problems(tmp_path, text)
    assert list(found) in (["sites"], ["sites.shop"])


def test_a_sites_name_is_a_name(tmp_path: Path) -> None:
    """It becomes a metric's label and a part of store keys."""
    assert configs.loaded(tmp_path, '[sites."shop.example"]').sites
    found = configs.problems(tmp_path, '[sites."a {b}"]')
    assert list(found) == ["sites.'a {b}'"]
    assert found["sites.'a {b}'"].what == "not a name"


def test_two_sites_cannot_have_the_same_place(tmp_path: Path) -> None:
    """A request must belong to one site."""
    text = """
    [sites.shop]
    hosts = ["shop.example", "www.shop.example"]
    [sites.blog]
    hosts = ["WWW.shop.example"]
    base_path = "{}"
    """
    assert not configs.problems(tmp_path, text.format("/blog"))
    found = configs.problems(tmp_path, text.format("/"))
    assert list(found) == ["sites.blog.hosts[0]"]
    assert "shop" in found["sites.blog.hosts[0]"].what


def test_the_admin_api_is_not_left_open(tmp_path: Path) -> None:
    """Off loopback it needs a token."""
    text = '[server]\nadmin_listen = "0.0.0.0:9464"\n{}' + SITE
    assert list(configs.problems(tmp_path, text.format(""))) == ["server.admin_token"]
    assert list(configs.problems(tmp_path, text.format('admin_token = ""\n'))) == ["server.admin_token"]
    assert not configs.problems(tmp_path, text.format('admin_token = "a-very-long-token"\n'))


@pytest.mark.parametrize("public", ["127.0.0.1:9464", "0.0.0.0:9464", "[::]:9464"])
def test_public_and_admin_do_not_share_a_port(tmp_path: Path, public: str) -> None:
    """But both may take a free one."""
    assert list(configs.problems(tmp_path, f'[server]\nlisten = "{public}"\n{SITE}')) == [
        "server.admin_listen"
    ]
    free = '[server]\nlisten = "127.0.0.1:0"\nadmin_listen = "127.0.0.1:0"\n'
    assert not configs.problems(tmp_path, free + SITE)


def test_a_location_file_must_be_there(tmp_path: Path) -> None:
    """Its path too starts at the configuration."""
    assert list(configs.problems(tmp_path, f'[server]\ngeo_database = "no.mmdb"\n{SITE}')) == [
        "server.geo_database"
    ]
    (tmp_path / "country.mmdb").touch()
    read = configs.loaded(tmp_path, f'[server]\ngeo_database = "country.mmdb"\n{SITE}')
    assert read.server.geo_database == tmp_path / "country.mmdb"
