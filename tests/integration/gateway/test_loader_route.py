"""The loader as it is served: names, caching, encodings, errors; and the further names of two routes."""

import gzip
import re
from collections.abc import AsyncIterator, Mapping

import pytest

from proxy.loader.script import make_script
from tests.support.own_valkey import Valkey
from tests.support.rig import GRANT, PAGE, Answer, Rig, StartRig, event, signals, site

SCRIPT = make_script()
NAME = "/sayso.js"
HASHED = f"/sayso.{SCRIPT.digest}.js"
OLD = "/sayso.0123456789abcdef.js"


async def get(rig: Rig, path: str = NAME, method: str = "GET", **headers: str) -> Answer:
    """Ask for a script as a browser does for ``<script src>`` on a page of anybody's."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await rig.request(
        method,
        path,
        None,
        {"Host": "shop.example", "Accept-Encoding": "identity", **named},
        auto_decompress=False,
    )


class TestTheScript:
    async def test_it_is_served_to_everybody_and_sets_nothing(self, rig: Rig) -> None:
        """Readable from every page, taken for nothing else than a script, without a cookie or an origin's name."""
        answer = await get(rig)
        assert (answer.status, answer.body) == (200, SCRIPT.body)
        told = {
            name: answer.headers.get(name) for name in answer.headers if name.lower() not in {"date", "etag"}
        }
        assert told == {
            "Server": "sayso",
            "Access-Control-Allow-Origin": "*",
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "public, max-age=3600, stale-while-revalidate=86400",
            "Vary": "Accept-Encoding",
            "Cross-Origin-Resource-Policy": "cross-origin",
            "Content-Type": "text/javascript; charset=utf-8",
            "Content-Length": str(len(SCRIPT.body)),
        }

    async def test_under_its_hash_it_may_be_kept_for_ever(self, rig: Rig) -> None:
        """The same bytes: another script would have another name."""
        answer = await get(rig, HASHED)
        assert (answer.status, answer.body) == (200, SCRIPT.body)
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"

    async def test_what_it_fetches_is_served_beside_it(self, rig: Rig) -> None:
        """For ever under its hash; an old script that is still cached gets today's."""
        assert SCRIPT.fetches is not None
        answer = await get(rig, f"/{SCRIPT.fetched_as}")
        assert (answer.status, answer.body) == (200, SCRIPT.fetches.body)
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        older = await get(rig, "/sayso.more.0123456789abcdef.js")
        assert (older.status, older.body) == (200, SCRIPT.fetches.body)
        assert older.headers["Cache-Control"] == "no-cache"

    async def test_an_old_hash_gets_todays_script_and_is_not_kept(self, rig: Rig) -> None:
        """A page of yesterday goes on, and no cache takes the new bytes for the old name's."""
        answer = await get(rig, OLD)
        assert (answer.status, answer.body) == (200, SCRIPT.body)
        assert answer.headers["Cache-Control"] == "no-cache"

    @pytest.mark.parametrize(
        "path",
        [
            "/sayso.js/",
            "/sayso",
            "/sayso.XYZ.js",
            "/sayso.012.js",
            f"/sayso.{'a' * 65}.js",
            "/sayso.0123456789abcdef.js.map",
            "/sayso.0123456789abcdef.mjs",
            "/other.0123456789abcdef.js",
            "/.0123456789abcdef.js",
            "/0123456789abcdef.js",
            "/x/sayso.js",
            "/parts/core.js",
        ],
    )
    async def test_what_is_no_name_of_it_is_404(self, rig: Rig, path: str) -> None:
        """With the error of any other path."""
        answer = await get(rig, path)
        assert (answer.status, answer.json["reason"]) == (404, "unknown_route")

    async def test_another_sites_host_is_404(self, rig: Rig, start_rig: StartRig) -> None:
        """Each site has its own, on its own hosts and below its own path."""
        two = await start_rig(
            {
                "north": site(hosts=["north.example"], base_path="/n/", loader={"name": "x.js"}),
                "south": site(hosts=["south.example"], loader={"segment": False}),
            }
        )
        assert (await get(two, "/n/x.js", Host="north.example")).body == make_script(stem="x").body
        assert (await get(two, "/n/x.js", Host="north.example:8443")).body == make_script(stem="x").body
        assert (await get(two, "/sayso.js", Host="south.example")).body != SCRIPT.body
        for host, path in (
            ("south.example", "/n/x.js"),
            ("north.example", "/sayso.js"),
            ("x.example", "/x.js"),
        ):
            assert (await get(two, path, Host=host)).status == 404

    async def test_a_site_may_serve_none(self, start_rig: StartRig) -> None:
        """Then there is nothing under any of its names."""
        rig = await start_rig({"shop": site(loader={"enabled": False})})
        for path in (NAME, HASHED, OLD):
            assert (await get(rig, path)).status == 404

    @pytest.mark.parametrize("path", [NAME, HASHED])
    async def test_asking_with_head_tells_all_but_the_script(self, rig: Rig, path: str) -> None:
        """The same status and headers, its length too."""
        whole, head = await get(rig, path), await get(rig, path, "HEAD")
        assert (head.status, head.body) == (200, b"")
        without = {"Date"}
        assert {name: value for name, value in head.headers.items() if name not in without} == {
            name: value for name, value in whole.headers.items() if name not in without
        }

    @pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
    async def test_any_other_method_is_405(self, rig: Rig, method: str) -> None:
        """And says what is allowed."""
        answer = await get(rig, NAME, method)
        assert (answer.status, answer.json["reason"]) == (405, "method")
        assert answer.headers["Allow"] == "GET, HEAD, OPTIONS"
        assert answer.headers["Cache-Control"] == "no-store"

    async def test_a_preflight_is_answered_for_every_page(self, rig: Rig) -> None:
        """The script is no secret."""
        answer = await get(rig, NAME, "OPTIONS", Origin="https://anybody.example")
        assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (204, "*")
        assert "GET" in answer.headers["Access-Control-Allow-Methods"]


class TestCaching:
    async def test_a_copy_that_is_still_good_is_not_sent_again(self, rig: Rig) -> None:
        """By either encoding's tag, also where a proxy on the way weakened it; and how long to keep it is said anew."""
        zipped = await get(rig, Accept_Encoding="gzip")
        for tag in (
            SCRIPT.digest,
            f"{SCRIPT.digest}-gzip",
        ):
            for written in (f'"{tag}"', f'W/"{tag}"', f'"x", W/"y",  "{tag}"', "*"):
                answer = await get(rig, If_None_Match=written)
                assert (answer.status, answer.body) == (304, b"")
                assert answer.headers["Cache-Control"] == zipped.headers["Cache-Control"]
                assert answer.headers["Vary"] == "Accept-Encoding"
                assert answer.headers["ETag"] == f'"{SCRIPT.digest}"'

    @pytest.mark.parametrize("written", ['"0123456789abcdef"', "", SCRIPT.digest[:-1], '"', "W/", '""'])
    async def test_a_copy_of_another_script_is_replaced(self, rig: Rig, written: str) -> None:
        """Whatever is written there."""
        answer = await get(rig, If_None_Match=written)
        assert (answer.status, answer.body) == (200, SCRIPT.body)

    @pytest.mark.parametrize(
        "accepted",
        ["gzip", "gzip, deflate, br, zstd", "*", "br;q=1.0, GZIP;q=0.5", "identity;q=0, gzip", "*;q=0.1"],
    )
    async def test_it_is_compressed_for_who_can_take_it(self, rig: Rig, accepted: str) -> None:
        """Under a tag of its own: a strong tag stands for exact bytes."""
        answer = await get(rig, Accept_Encoding=accepted)
        assert answer.headers["Content-Encoding"] == "gzip"
        assert answer.headers["ETag"] == f'"{SCRIPT.digest}-gzip"'
        assert int(answer.headers["Content-Length"]) == len(answer.body)
        assert gzip.decompress(answer.body) == SCRIPT.body

    @pytest.mark.parametrize(
        "accepted",
        [
            "",
            "identity",
            "br",
            "gzip;q=0",
            "gzip;q=0.0, *",
            "*;q=0",
            "gzip;q=x",
            "gzipped",
            "br;q=0.5,identity",
        ],
    )
    async def test_it_comes_plain_for_who_cannot(self, rig: Rig, accepted: str) -> None:
        """Or who will not say."""
        answer = await get(rig, Accept_Encoding=accepted)
        assert (answer.status, answer.body) == (200, SCRIPT.body)
        assert "Content-Encoding" not in answer.headers
        assert answer.headers["ETag"] == f'"{SCRIPT.digest}"'


@pytest.fixture
async def alone(own_valkey: Valkey) -> AsyncIterator[tuple[Rig, Valkey]]:
    """Return a gateway that nobody may ask twice in a minute, and its store, which a test may stop."""
    async with Rig(own_valkey.url, patience_s=0.3, server={"rate_limit_per_minute": 1}) as rig:
        yield rig, own_valkey


class TestWhatItDoesNotNeed:
    async def test_neither_a_store_nor_a_place_within_the_rate_limit(self, alone: tuple[Rig, Valkey]) -> None:
        """A page must get its script while the store is away, however many visitors share an address."""
        rig, store = alone
        store.stop()
        for _ in range(5):
            assert (await get(rig)).body == SCRIPT.body
            assert (await get(rig, HASHED)).body == SCRIPT.body

    async def test_it_does_not_look_at_the_visitor(self, rig: Rig) -> None:
        """Whatever their browser says of them, the answer is the same, and nothing is read or written."""
        visitor = rig.browser()
        await visitor.consent(GRANT)
        before = await rig.keys()
        plain = await get(rig)
        cookie = "; ".join(f"{name}={value}" for name, value in visitor.cookies.items())
        known = await get(
            rig, Cookie=cookie, Sec_GPC="1", Origin=PAGE["Origin"], Referer="https://x.example/"
        )
        assert known.body == plain.body
        assert {**known.headers, "Date": ""} == {**plain.headers, "Date": ""}
        assert await rig.keys() == before


class TestFurtherNames:
    @pytest.fixture
    async def renamed(self, start_rig: StartRig) -> Rig:
        """Return a gateway of a site with names of its own."""
        return await start_rig(
            {"shop": site(base_path="/s/", loader={"name": "a.js", "collect": "in", "consent": "choice"})}
        )

    async def test_the_script_sends_there(self, renamed: Rig) -> None:
        """And what it is called says nothing of its hash's neighbour."""
        answer = await get(renamed, "/s/a.js")
        found = re.search(
            rb'=\{"collect":"in","consent":"choice","more":"a\.more\.[0-9a-f]{16}\.js",', answer.body
        )
        assert found is not None
        assert answer.body == make_script(collect="in", consent="choice", stem="a").body

    @pytest.mark.parametrize(
        "names", [{"collect": "in", "consent": "choice"}, {"collect": "collect", "consent": "consent"}]
    )
    async def test_both_names_mean_the_same(self, renamed: Rig, names: Mapping[str, str]) -> None:
        """For every method, for errors, and for the visitor: a name changes nothing of what is decided."""
        visitor = renamed.browser()
        collect, consent = f"/s/{names['collect']}", f"/s/{names['consent']}"
        assert (await visitor.post(consent, GRANT)).status == 204
        assert signals((await visitor.get(consent)).json) == signals(GRANT)
        assert (await visitor.post(collect, event("purchase"))).status == 204
        assert renamed.decided()["meta"] == "full|granted"
        assert (await visitor.get(f"{collect}?en=page_view&dl=https://shop.example/")).headers[
            "Content-Type"
        ] == "image/gif"
        foreign = await visitor.post(collect, event(), {"Origin": "https://evil.example"})
        assert (foreign.status, foreign.json["reason"]) == (403, "origin")
        assert (await visitor.request("DELETE", consent)).status == 204
        assert (await visitor.post(collect, event("purchase"))).status == 204
        assert renamed.decided()["meta"].startswith("drop|")
        assert (await visitor.request("PUT", collect)).status == 405

    async def test_gpc_and_the_limits_hold_under_a_further_name(self, renamed: Rig) -> None:
        """It is a name, not a way round."""
        visitor = renamed.browser()
        sent = await visitor.post("/s/in", event("purchase", consent=GRANT), {"Sec-GPC": "1"})
        assert sent.status == 204
        assert renamed.decided()["meta"] == "drop|gpc"
        assert (await visitor.post("/s/in", b"x" * (64 * 1024 + 1))).status == 413
