"""What ``sayso loader`` prints."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from proxy.cli import main
from proxy.loader.script import (
    make_script,
)
from tests.support import configs


def _run(folder: Path, text: str, *arguments: str) -> tuple[int, str, str]:
    path = configs.written(folder, text)
    done = CliRunner().invoke(main, ["loader", "--config", str(path), *arguments])
    return done.exit_code, done.stdout, done.stderr


def _json(folder: Path, text: str, *arguments: str) -> list[dict[str, Any]]:
    code, out, err = _run(folder, text, "--json", *arguments)
    assert code == 0, err
    found: list[dict[str, Any]] = json.loads(out)
    return found


class TestTheCommand:
    def test_it_prints_what_to_paste(self, tmp_path: Path) -> None:
        """The stub, the tag, the same with its hash, the size, and what to change with gtag.js there already."""
        code, out, _ = _run(tmp_path, configs.site(keys='hosts = ["shop.example"]\nbase_path = "/s"'))
        script = make_script()
        assert code == 0
        assert '<script async src="https://shop.example/s/sayso.js"></script>' in out
        assert f'src="https://shop.example/s/sayso.{script.digest}.js"' in out
        assert f'integrity="{script.integrity}" crossorigin="anonymous"' in out
        assert script.fetches is not None
        assert f"{len(script.gzipped)} bytes over the wire" in out
        assert f"{script.fetched_as}: {len(script.fetches.gzipped)} bytes over the wire" in out
        assert "function gtag() { dataLayer.push(arguments); }" in out
        assert "gtag.js" in out

    def test_it_prints_the_same_for_machines(self, tmp_path: Path) -> None:
        """As JSON, one object for each site."""
        (found,) = _json(tmp_path, configs.site(), "--url", "https://t.shop.example/x")
        assert found["url"] == "https://t.shop.example/x/sayso.js"
        assert found["hashed_url"] == f"https://t.shop.example/x/sayso.{make_script().digest}.js"
        assert found["integrity"] == make_script().integrity
        assert found["gzip_bytes"] == len(make_script().gzipped)
        script = make_script()
        assert script.fetches is not None
        assert [(one["name"], one["gzip_bytes"]) for one in found["files"]] == [
            ("sayso.js", len(script.gzipped)),
            (script.fetched_as, len(script.fetches.gzipped)),
        ]
        assert found["guessed"] is False

    @pytest.mark.parametrize(
        ("keys", "url"),
        [
            ('base_path = "/s/"', "https://shop.example/s/sayso.js"),
            ('hosts = ["www.shop.example", "shop.example"]', "https://shop.example/sayso.js"),
            ('hosts = ["t.shop.example"]', "https://t.shop.example/sayso.js"),
            (
                'hosts = ["t.shop.example"]\nloader.name = "shop.js"\nbase_path = "/a/b"',
                "https://t.shop.example/a/b/shop.js",
            ),
        ],
    )
    def test_it_works_the_address_out_of_hosts_and_origins(self, tmp_path: Path, keys: str, url: str) -> None:
        """A host that pages are on comes first; for any host it is the pages' own."""
        (found,) = _json(tmp_path, configs.site(keys=keys))
        assert (found["url"], found["guessed"]) == (url, True)
        assert "--url" in _run(tmp_path, configs.site(keys=keys))[1]

    def test_a_page_on_a_port_of_its_own_keeps_it(self, tmp_path: Path) -> None:
        """As on a developer's machine."""
        text = '[sites.shop]\nhosts = ["localhost"]\norigins = ["http://localhost:8000"]\n'
        assert _json(tmp_path, text)[0]["url"] == "http://localhost:8000/sayso.js"

    def test_without_hosts_and_origins_it_says_what_it_needs(self, tmp_path: Path) -> None:
        """In one line, with an example."""
        code, out, err = _run(tmp_path, "[sites.shop]\n")
        assert (code, out) == (1, "")
        assert "--url https://" in err
        assert len(err.splitlines()) == 1

    @pytest.mark.parametrize(
        "url",
        ["shop.example", "ftp://shop.example/", "https://", "https://[x/", '"><script>', "https://a b/"],
    )
    def test_an_address_that_is_none_is_refused(self, tmp_path: Path, url: str) -> None:
        """It would be pasted into every page."""
        code, out, err = _run(tmp_path, configs.site(), "--url", url)
        assert (code, out) == (1, "")
        assert err.startswith("sayso: --url: ")
        assert len(err.splitlines()) == 1

    def test_the_folder_is_asked_for_and_not_the_script(self, tmp_path: Path) -> None:
        """Who gives the script's own address is told so."""
        code, _, err = _run(tmp_path, configs.site(), "--url", "https://shop.example/sayso.js")
        assert (code, err) == (1, "sayso: --url: the folder, without the script's name\n")

    def test_of_several_sites_one_can_be_asked_for(self, tmp_path: Path) -> None:
        """And has to be, where an address is given; one that there is not is named with those that there are."""
        text = '[sites.a]\nhosts = ["a.example"]\n[sites.b]\nhosts = ["b.example"]\n'
        assert [one["site"] for one in _json(tmp_path, text)] == ["a", "b"]
        assert [one["site"] for one in _json(tmp_path, text, "--site", "b")] == ["b"]
        assert _run(tmp_path, text, "--url", "https://x.example/")[::2] == (
            2,
            "sayso: --url is for one site: name it with --site, one of a, b\n",
        )
        assert _run(tmp_path, text, "--site", "c")[::2] == (2, "sayso: there is no site c; there are a, b\n")

    def test_a_site_without_a_loader_is_left_out_unless_it_is_asked_for(self, tmp_path: Path) -> None:
        """Then it is said why there is none."""
        text = '[sites.a]\nhosts = ["a.example"]\nloader.enabled = false\n[sites.b]\nhosts = ["b.example"]\n'
        assert [one["site"] for one in _json(tmp_path, text)] == ["b"]
        code, out, err = _run(tmp_path, text, "--site", "a")
        assert (code, out) == (1, "")
        assert "sites.a.loader.enabled" in err
