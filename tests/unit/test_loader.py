"""The loader's script as it is put together, its size, and its settings."""

import gzip
import json
import re
import subprocess
import sys
import zipfile
from base64 import b64decode, b64encode
from collections import Counter
from hashlib import sha256, sha384
from pathlib import Path

import pytest

from proxy.compile import compile_sites
from proxy.loader.script import (
    LENT,
    LITERAL,
    NAME,
    PARTS,
    SHORTENED,
    Script,
    make_script,
    minified,
    shortened,
    source,
)
from proxy.site import Site
from tests.support import configs

MOST_BYTES = 3_400
MOST_MORE = 7_296
ROOT = Path(__file__).parents[2]


def both() -> list[Script]:
    """Return the script and what it fetches."""
    script = make_script()
    assert script.fetches is not None
    return [script, script.fetches]


def literals(written: str) -> list[str]:
    """Return the texts and patterns of a part as it was written, where a division has a space after it."""
    found: list[str] = []
    place = 0
    while place < len(written):
        sign, two = written[place], written[place : place + 2]
        end = place + 1
        if two in ("//", "/*"):
            end = written.index("\n" if two == "//" else "*/", place)
        elif sign in "\"'`" or (sign == "/" and two != "/ "):
            listed = False
            while listed or written[end] != sign:
                listed = sign == "/" and (written[end] == "[" or (listed and written[end] != "]"))
                end += 1 + (written[end] == "\\")
            end += 1
            flags = re.match("[a-z]*", written[end:]) if sign == "/" else None
            end += len(flags[0]) if flags else 0
            found.append(written[place:end])
        place = max(end, place + 1)
    return found


class TestTheScript:
    def test_it_is_small(self) -> None:
        """What a page waits for, over the wire: 3,400 bytes. What is fetched after that may be larger."""
        first, second = (len(gzip.compress(one.body, 9)) for one in both())
        assert first <= MOST_BYTES
        assert second <= MOST_MORE

    def test_shortened_names_stay_apart(self) -> None:
        """None is a property's in short form or a key, none is left over, and none becomes one that was there."""
        text = minified(source())
        keys = "|".join(SHORTENED)
        assert not re.search(rf"[{{,](?:{keys}):|[{{]\.?(?:{keys})}}", text)
        assert not NAME.search(LITERAL.sub('""', shortened(text)))
        taken = set(re.findall(r"[\w$]+", shortened(text))) - set(re.findall(r"[\w$]+", text))
        assert len(taken) == len(SHORTENED)

    def test_what_is_written_in_texts_and_patterns_is_what_is_served(self) -> None:
        """Each of them, in both files, and as often: a name within one is none.

        ``/2.*json/`` once became ``/2.*l/``, which any answer fits that says ``html``.
        """
        script, fetched = both()
        first = [source()]
        second = [_part(name) for name in ("common", "anew", "cmp", "auto", "segment")]
        ours = {'"use strict"', '"more"', '"integrity"', f'"{make_script().fetched_as}"'}
        for parts, served in ((first, script), (second, fetched)):
            written = Counter(one for part in parts for one in literals(part))
            found = Counter(LITERAL.findall(served.body.decode()))
            assert written - found == Counter()
            assert {one for one in found - written if not one.startswith('"sha256-')} <= ours
            assert len(written) > 40

    @pytest.mark.parametrize(
        "literal", ["/2.*json/", "/[/]json/i", '"a json"', "'json'", r'"\"json"', r"/\/json/"]
    )
    def test_a_name_in_a_text_or_a_pattern_is_left_alone(self, literal: str) -> None:
        """And the same name beside it is shortened."""
        after = shortened(f"const json=f,b=json({literal},json);{literal}.x(json)\n")
        assert after.count(literal) == 2
        assert after.count("json") == literal.count("json") * 2

    def test_a_template_is_refused(self) -> None:
        """It may hold names that would have to be shortened too."""
        with pytest.raises(ValueError, match="template"):
            shortened("const json=1;f(`${json}`)")

    def test_it_is_one_function_that_adds_no_name_to_the_page(self) -> None:
        """Strict, so that a slip is an error here and no new global there."""
        text = source()
        assert text.startswith('(function(){"use strict";')
        assert text.endswith("})();\n")

    def test_its_parts_stand_in_their_order_and_each_once(self) -> None:
        """Later parts use what earlier ones make. What need not be there at once is fetched."""
        text = source()
        inside = ["core", "early", "queue"]
        places = [text.index(_part(name)) for name in inside]
        assert places == sorted(places)
        assert all(text.count(_part(name)) == 1 for name in inside)
        assert all(_part(name) not in text for name in ("cmp", "auto", "segment"))

    def test_what_it_fetches_is_named_by_its_hash_and_proved(self) -> None:
        """So it may be kept for ever, and a page that pins the script pins this too."""
        script = make_script(stem="s")
        fetched = script.fetches
        assert fetched is not None
        assert script.fetched_as == f"s.more.{fetched.digest}.js"
        assert script.fetched_as in script.body.decode()
        proof = b64encode(sha256(fetched.body).digest()).decode()
        assert f'"integrity":"sha256-{proof}"' in script.body.decode()
        assert fetched.body.startswith(b'(function(){"use strict";const my=_sayso,{')
        assert all(name in _part("core") for name in LENT)

    @pytest.mark.parametrize("left_out", PARTS[1:])
    def test_a_part_that_is_switched_off_is_not_sent(self, left_out: str) -> None:
        """And what is left is a script all the same."""
        parts = tuple(name for name in PARTS if name != left_out)
        script, whole = make_script(parts), make_script()
        assert script.fetches is not None
        assert whole.fetches is not None
        part = minified(_part(left_out)).strip()
        assert part in whole.fetches.body.decode()
        assert part not in script.fetches.body.decode()
        assert len(script.body) + len(script.fetches.body) < len(whole.body) + len(whole.fetches.body)
        assert script.digest != whole.digest

    def test_the_core_is_always_in_it(self) -> None:
        """Whoever asks for nothing gets that."""
        assert _part("core") in source(())
        assert make_script(()).fetches is None

    def test_it_sends_to_the_routes_that_the_site_names(self) -> None:
        """By names of its own, which are quoted."""
        assert '={"collect":"c1","consent":"c2"};' in make_script(("core",), "c1", "c2").body.decode()

    def test_the_same_wishes_give_the_same_bytes(self) -> None:
        """In every process and on every machine: else two workers would serve two hashes."""
        code = "from proxy.loader.script import make_script as m; print(m().digest, m().integrity, hash(m().gzipped) != 0)"
        other = subprocess.run(  # noqa: S603 - our own program
            [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
        )
        assert other.stdout.split()[:2] == [make_script().digest, make_script().integrity]
        assert gzip.decompress(make_script().gzipped) == make_script().body
        assert make_script().gzipped[4:8] == bytes(4), "the time of packing is in it"

    def test_integrity_is_of_the_bytes_that_are_served(self) -> None:
        """As browsers work it out: after unpacking."""
        script = make_script()
        assert b64decode(script.integrity.removeprefix("sha384-")) == sha384(script.body).digest()

    def test_it_is_plain_ascii(self) -> None:
        """So that no page's encoding can change what it says."""
        assert all(one.body.isascii() for one in both())

    def test_it_names_no_address(self) -> None:
        """It sends to where it came from, and to nobody else."""
        assert not any(re.search(rb"(?:https?:)?//[a-z0-9-]+\.", one.body) for one in both())

    def test_nothing_in_it_is_evaluated_or_written_to_the_page(self) -> None:
        """It runs under a Content-Security-Policy without ``unsafe-eval``, and takes no text for markup."""
        text = "".join(one.body.decode() for one in both())
        for word in ("eval(", "Function(", "innerHTML", "document.write", "insertAdjacent"):
            assert word not in text

    def test_shrinking_keeps_what_a_string_says(self) -> None:
        """Comments and white space go, but not from within texts, patterns and templates."""
        text = 'const a = "x // y"; /* gone */ const b = /[/*] /; const c = `p  ${a} // q`; // gone'
        assert minified(text) == 'const a="x // y";const b=/[/*] /;const c=`p  ${a} // q`;\n'


def _part(name: str) -> str:
    return (ROOT / "proxy" / "loader" / "parts" / f"{name}.js").read_text(encoding="utf-8")


# --- settings --------------------------------------------------------------------------------------------------------


def _loader(lines: str) -> str:
    return configs.site(more=f"[sites.shop.loader]\n{lines}\n")


def _site(folder: Path, lines: str) -> Site:
    (site,) = compile_sites(configs.loaded(folder, _loader(lines)))
    return site


class TestSettings:
    def test_a_site_serves_the_whole_loader_unless_it_says_otherwise(self, tmp_path: Path) -> None:
        """Under the names that are documented."""
        plan = _site(tmp_path, "").loader
        assert plan is not None
        assert (plan.name, plan.parts, plan.collect, plan.consent) == (
            "sayso.js",
            PARTS,
            "collect",
            "consent",
        )

    def test_a_site_may_have_none(self, tmp_path: Path) -> None:
        """Then nothing is served."""
        assert _site(tmp_path, "enabled = false").loader is None

    def test_parts_are_switched_off_one_by_one(self, tmp_path: Path) -> None:
        """The core cannot be."""
        plan = _site(tmp_path, "cmp = false\nauto = false\nsegment = false").loader
        assert plan is not None
        assert plan.parts == ("core",)

    @pytest.mark.parametrize(
        "written",
        ["", ".js", "a/b.js", "../x.js", "x", "x.mjs", "a b.js", "x.js?v=1", "%2e.js", ".x.js", "å.js"],
    )
    def test_a_name_that_is_no_file_name_is_refused(self, tmp_path: Path, written: str) -> None:
        """It becomes part of a path."""
        found = configs.problems(tmp_path, _loader(f"name = {json.dumps(written)}"))
        assert "with .js at the end" in found["sites.shop.loader.name"].allowed

    @pytest.mark.parametrize("written", ["", "a/b", "..", "a b", "x?y", "#", "x.", "x" * 65])
    def test_a_route_that_is_no_name_is_refused(self, tmp_path: Path, written: str) -> None:
        """For both of them."""
        for key in ("collect", "consent"):
            found = configs.problems(tmp_path, _loader(f"{key} = {json.dumps(written)}"))
            assert "one part of a path" in found[f"sites.shop.loader.{key}"].allowed

    @pytest.mark.parametrize(
        ("lines", "key"),
        [
            ('collect = "consent"', "collect"),
            ('consent = "collect"', "consent"),
            ('collect = "g"', "collect"),
            ('consent = "mp"', "consent"),
            ('collect = "sayso.js"', "collect"),
            ('collect = "same"\nconsent = "same"', "consent"),
            ('name = "x.js"\ncollect = "x.js"', "collect"),
            ('consent = "sayso.0123abcd.js"', "consent"),
        ],
    )
    def test_a_name_that_another_route_has_is_refused(self, tmp_path: Path, lines: str, key: str) -> None:
        """Events must never go to where consent is taken, nor the other way round."""
        found = configs.problems(tmp_path, _loader(lines))
        assert "the name of another route" in found[f"sites.shop.loader.{key}"].what

    def test_names_of_ones_own_are_taken(self, tmp_path: Path) -> None:
        """All three."""
        plan = _site(tmp_path, 'name = "shop.min.js"\ncollect = "in"\nconsent = "choice"').loader
        assert plan is not None
        assert (plan.name, plan.stem, plan.collect, plan.consent) == (
            "shop.min.js",
            "shop.min",
            "in",
            "choice",
        )


def test_the_parts_are_in_the_package(tmp_path: Path) -> None:
    """An installed Sayso has what it serves."""
    subprocess.run(  # noqa: S603 - the build tool of the lock file
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {f"proxy/loader/parts/{name}.js" for name in PARTS} <= names
