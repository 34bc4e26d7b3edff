"""Single values of the configuration: what is taken, in which form it comes out, what is refused."""

from ipaddress import ip_network
from pathlib import Path

import pytest

from tests.support import configs

SITE = "[sites.shop]\n"


@pytest.mark.parametrize(
    ("origin", "means"),
    [
        ("https://shop.example", "https://shop.example"),
        ("HTTPS://Shop.Example/", "https://shop.example"),
        ("https://shop.example:443", "https://shop.example"),
        ("http://shop.example:80", "http://shop.example"),
        ("https://shop.example:8443", "https://shop.example:8443"),
        ("http://localhost:3000", "http://localhost:3000"),
        ("http://[::1]:3000", "http://[::1]:3000"),
        ("https://blåbær.example", "https://xn--blbr-roah.example"),
    ],
)
def test_an_origin_comes_out_as_a_browser_writes_it(tmp_path: Path, origin: str, means: str) -> None:
    """So that the gateway need only compare."""
    read = configs.loaded(tmp_path, f'{SITE}origins = ["{origin}"]')
    assert read.sites["shop"].origins == (means,)


@pytest.mark.parametrize(
    "origin",
    ["null", "*", "https://*", "shop.example", "https://", "https://shop.example/path", "https://shop.example?x",
     "https://shop.example#", "ftp://shop.example", "https://user@shop.example", "https://shop.example:99999",
     "https://a b", "", "https://[::1", "https://shop..example", "javascript:alert(1)"],
)  # fmt: skip
def test_an_origin_that_no_page_has_is_refused(tmp_path: Path, origin: str) -> None:
    """``null`` and ``*`` too, which would let anybody in."""
    found = configs.problems(tmp_path, f'{SITE}origins = ["https://shop.example", "{origin}"]')
    assert list(found) == ["sites.shop.origins[1]"]
    assert "https://shop.example" in found["sites.shop.origins[1]"].allowed


@pytest.mark.parametrize(
    ("host", "means"),
    [("Shop.Example", "shop.example"), ("shop.example.", "shop.example"), ("*", "*"), ("localhost", "localhost"),
     ("127.0.0.1", "127.0.0.1"), ("[::1]", "[::1]"), ("::1", "[::1]"), ("BÜCHER.example", "xn--bcher-kva.example")],
)  # fmt: skip
def test_a_host_comes_out_as_in_the_host_header(tmp_path: Path, host: str, means: str) -> None:
    """So that the gateway need only compare."""
    assert configs.loaded(tmp_path, f'{SITE}hosts = ["{host}"]').sites["shop"].hosts == (means,)


@pytest.mark.parametrize(
    "host",
    ["https://shop.example", "shop.example:8080", "shop.example/", "*.shop.example", "", "a b", "-a.example"],
)
def test_what_is_no_host_name_is_refused(tmp_path: Path, host: str) -> None:
    """Schemes, ports, paths and patterns are no part of a host name."""
    assert list(configs.problems(tmp_path, f'{SITE}hosts = ["{host}"]')) == ["sites.shop.hosts[0]"]


@pytest.mark.parametrize(
    ("path", "means"), [("/", "/"), ("/sayso", "/sayso/"), ("/a/b-c_d.e~f/", "/a/b-c_d.e~f/")]
)
def test_a_base_path_ends_with_a_slash(tmp_path: Path, path: str, means: str) -> None:
    """Written or not."""
    assert configs.loaded(tmp_path, f'{SITE}base_path = "{path}"').sites["shop"].base_path == means


@pytest.mark.parametrize(
    "path", ["", "sayso", "//", "/a//b", "/../a", "/a/./b", "/a?b", "/%61", "/a b", "/å"]
)
def test_what_is_no_base_path_is_refused(tmp_path: Path, path: str) -> None:
    """Only what a request's path can literally begin with is taken."""
    assert list(configs.problems(tmp_path, f'{SITE}base_path = "{path}"')) == ["sites.shop.base_path"]


@pytest.mark.parametrize(
    ("written", "host", "port", "loopback"),
    [
        ("127.0.0.1:8080", "127.0.0.1", 8080, True),
        ("127.8.9.1:0", "127.8.9.1", 0, True),
        ("[::1]:9000", "::1", 9000, True),
        ("LocalHost:80", "localhost", 80, True),
        ("0.0.0.0:80", "0.0.0.0", 80, False),
        ("[::]:65535", "::", 65535, False),
        ("gateway.internal:80", "gateway.internal", 80, False),
    ],
)
def test_an_address_to_listen_on(tmp_path: Path, written: str, host: str, port: int, loopback: bool) -> None:
    """It is read, known to be loopback or not, and written as it was."""
    read = configs.loaded(tmp_path, f'[server]\nlisten = "{written}"\n{SITE}').server.listen
    assert (read.host, read.port, read.loopback) == (host, port, loopback)
    assert configs.of({"server": {"listen": str(read)}, "sites": {"shop": {}}}).server.listen == read


@pytest.mark.parametrize(
    "written",
    ["8080", ":8080", "127.0.0.1", "::1:80", "[::1]", "127.0.0.1:65536", "256.0.0.1:1", "[1:2]:3", "a b:1"],
)
def test_what_is_no_address_to_listen_on_is_refused(tmp_path: Path, written: str) -> None:
    """Host and port are both needed, and an IPv6 address in brackets."""
    found = configs.problems(tmp_path, f'[server]\nlisten = "{written}"\n{SITE}')
    assert list(found) == ["server.listen"]


def test_networks_of_proxies(tmp_path: Path) -> None:
    """A bare address is a network of one."""
    text = f'[server]\ntrusted_proxies = ["10.0.0.0/8", "127.0.0.1", "2001:db8::/32"]\n{SITE}'
    networks = configs.loaded(tmp_path, text).server.trusted_proxies
    assert networks == tuple(map(ip_network, ("10.0.0.0/8", "127.0.0.1/32", "2001:db8::/32")))


def test_an_address_within_a_network_is_told_the_network(tmp_path: Path) -> None:
    """It could mean either, so it is asked for."""
    found = configs.problems(tmp_path, f'[server]\ntrusted_proxies = ["10.1.2.3/8", "x"]\n{SITE}')
    assert found["server.trusted_proxies[0]"].allowed == "10.0.0.0/8"
    assert "server.trusted_proxies[1]" in found


@pytest.mark.parametrize(
    "url",
    ["redis://localhost", "redis://:pass@valkey.internal:6380/2", "rediss://u:p@valkey.internal", "unix:///run/v.sock",
     "unix://:pass@/run/v.sock?db=1", "redis://[::1]:6379"],
)  # fmt: skip
def test_a_store_of_your_own(tmp_path: Path, url: str) -> None:
    """Any of three ways to reach it."""
    read = configs.loaded(tmp_path, f'[store]\nurl = "{url}"\n{SITE}').store
    assert read.url == url
    assert not read.embedded


def test_a_stores_url_may_be_a_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may hold a password, which is then not shown."""
    monkeypatch.setenv("STORE_URL", "rediss://u:hunter2kanari@valkey.internal")
    read = configs.loaded(tmp_path, f'[store]\nurl = "env:STORE_URL"\n{SITE}')
    assert read.store.url == "rediss://u:hunter2kanari@valkey.internal"
    assert "kanari" not in repr(read)


def test_an_egress_origin_loses_its_slash(tmp_path: Path) -> None:
    """Paths are appended to it."""
    assert configs.loaded(tmp_path, f'[egress]\norigin = "http://127.0.0.1:9/"\n{SITE}').egress.origin == (
        "http://127.0.0.1:9"
    )
