"""The configuration file: its defaults, its secrets, and that nothing but reasons comes out of a bad one."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.forwarder_modules import forwarder_class, shipped
from proxy.settings import ConfigError, load_settings, read_settings
from proxy.settings_net import Address
from tests.support import configs

SITE = "[sites.shop]\n"


def test_a_site_is_all_that_must_be_written(tmp_path: Path) -> None:
    """Every other key has a default, and the defaults send nothing before consent."""
    read = configs.loaded(tmp_path, SITE)
    assert read.server.listen == Address("127.0.0.1", 8080)
    assert read.server.admin_listen == Address("127.0.0.1", 9464)
    assert read.server.data_dir == tmp_path / ".sayso"
    assert (read.server.workers, read.server.rate_limit_per_minute) == (1, 6000)
    assert (read.store.url, read.store.durability) == ("embedded", "always")
    assert read.store.embedded
    site = read.sites["shop"]
    assert site.policy.preset == "eea-strict"
    assert site.policy.on_store_failure == "drop"
    assert (site.hosts, site.origins, site.base_path) == (("*",), (), "/")
    assert site.visitor.cookie == "_sayso"


def test_a_secret_file_and_the_data_lie_beside_the_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Relative paths do not depend on where Sayso is started."""
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "token.txt").write_text("from-the-file\n", encoding="utf-8")
    (tmp_path / "elsewhere").mkdir()
    path = configs.written(
        tmp_path / "etc", f'[server]\nadmin_token = "file:token.txt"\ndata_dir = "../data"\n{SITE}'
    )
    monkeypatch.chdir(tmp_path / "elsewhere")
    read = load_settings(Path("..") / "etc" / path.name)
    assert read.server.admin_token is not None
    assert read.server.admin_token.reveal() == "from-the-file"
    assert read.server.data_dir.resolve() == tmp_path / "data"


def test_no_secret_is_ever_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the settings nor the problems of a file with secrets in every place hold one of them."""
    monkeypatch.setenv("CANARY", "kanari-from-env")
    (tmp_path / "secret").write_text("kanari-from-file", encoding="utf-8")
    good = (
        '[server]\nadmin_token = "env:CANARY"\nid_key = "file:secret"\n[store]\nurl = "redis://:kanari1@localhost"\n'
        '[egress]\nproxy = "http://u:kanari2@localhost:1"\n'
        + configs.site(
            keys='ingest_keys = ["kanari-literal"]', more=configs.OUTSIDE.replace("an-outside", "kanari")
        )
    )
    read = configs.loaded(tmp_path, good)
    assert "kanari" not in repr(read) + str(read) + repr(read.sites["shop"].forwarders)
    assert "kanari" not in json.dumps(
        read.model_dump(mode="json", include={"server": {"admin_token", "id_key"}})
    )
    bad = (
        good.replace('"redis://:kanari1@localhost"', '"kanari3://:kanari4@localhost"')
        .replace('"http://u:kanari2@localhost:1"', '"kanari5://x"')
        .replace('["kanari-literal"]', '["file:no-such-file", "kanari", ["kanari"]]')
        .replace("[sites.shop.policy]", '[sites.shop.policy]\npreset = "nope"')
        .replace('key = "kanari-key"', 'key = ["kanari"]\naccont = "x"')
    )
    found = configs.problems(tmp_path, bad)
    assert set(found) == {
        "store.url",
        "egress.proxy",
        "sites.shop.ingest_keys[0]",
        "sites.shop.ingest_keys[2]",
        "sites.shop.policy.preset",
        "sites.shop.forwarders.mine.key",
        "sites.shop.forwarders.mine.accont",
    }
    assert "canary" not in "".join(map(str, found.values()))


@pytest.mark.parametrize("module", shipped())
def test_no_forwarder_echoes_what_was_written(tmp_path: Path, module: str) -> None:
    """Whatever kind of value stands where a secret should, no problem repeats it."""
    kind = forwarder_class(module)
    names = [name for name in kind.model_fields if name not in {"otherwise", "events"}]
    for value in ('"canary value"', '["canary"]', '{ canary = "canary" }', '"env:NO_SUCH_VARIABLE"'):
        table = "".join(f"{name} = {value}\n" for name in names)
        found = configs.problems(tmp_path, f"{SITE}[sites.shop.forwarders.{module}]\n{table}")
        assert found
        said = "".join(problem.what + problem.allowed for problem in found.values())
        assert "canary" not in said


def test_a_secret_that_is_not_there_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So is an empty one."""
    monkeypatch.delenv("NO_SUCH_VARIABLE", raising=False)
    monkeypatch.setenv("EMPTY", "")
    text = '[server]\nadmin_token = "env:NO_SUCH_VARIABLE"\nid_key = "env:EMPTY"\n' + SITE
    found = configs.problems(tmp_path, text)
    assert "NO_SUCH_VARIABLE" in found["server.admin_token"].what
    assert "empty" in found["server.id_key"].what
    assert "env:NAME" in found["server.id_key"].allowed


# --- any document at all ------------------------------------------------------------------------------------------------

_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.just("env:X")
    | st.just("*"),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text(max_size=8), below, max_size=3),
    max_leaves=8,
)
_KEYS = ["server", "store", "egress", "delivery", "log", "sites", "shop", "listen", "admin_listen", "url", "origin",
         "hosts", "base_path", "origins", "policy", "preset", "visitor", "forwarders", "meta", "type", "otherwise",
         "events", "trusted_proxies", "ingest_keys"]  # fmt: skip
_TABLES = st.recursive(
    _VALUES, lambda below: st.dictionaries(st.sampled_from(_KEYS), below, max_size=4), max_leaves=12
)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.sampled_from(_KEYS), _TABLES, max_size=4))
def test_no_document_makes_reading_fail_otherwise(document: dict[str, object]) -> None:
    """A configuration is read or refused with reasons; nothing else ever comes out."""
    try:
        read_settings(document, file="x", folder=Path("/nowhere"))
    except ConfigError as error:
        reasons = [problem.what for problem in error.problems]
    else:
        return
    assert reasons
    assert all(reasons)


def test_the_environment_names_the_folder_where_the_file_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A container has its volume; a folder that is written in the file wins."""
    monkeypatch.setenv("SAYSO_DATA_DIR", "/var/lib/sayso")
    assert configs.loaded(tmp_path, SITE).server.data_dir == Path("/var/lib/sayso")
    written = configs.loaded(tmp_path, f'[server]\ndata_dir = "mine"\n{SITE}')
    assert written.server.data_dir == tmp_path / "mine"
