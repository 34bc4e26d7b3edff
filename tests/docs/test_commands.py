"""Every block of commands on the documentation's pages is run as it stands there, against a real server and the twin.

A page that starts servers is followed from its beginning. The commands of the others are for a Sayso that runs. What
cannot run here is marked on its page, and listed below. The ``console`` examples of single commands are run by
``tests/integration/operate/test_operating_guide.py``.
"""

import json
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.guides import Block, blocks, every_page, examples
from tests.support.terminals import Answer, Reader

README = "README.md"
QUICKSTART = "docs/quickstart.md"
MIGRATING = "docs/migrating-from-server-side-tag-manager.md"
FORWARDERS = "docs/forwarders.md"
MEASUREMENT, OPERATING = "docs/measurement-protocol.md", "docs/operating.md"
PRIVACY, CONTAINER = "docs/privacy.md", "docs/container.md"
FOLLOWED = (README, QUICKSTART, MIGRATING, FORWARDERS)
"""Pages that say themselves what to write as ``sayso.toml``, and what to start."""
GUIDES = (OPERATING, PRIVACY, "docs/audit.md")
"""Pages with examples of single commands."""
LOOKED_UP = (
    MEASUREMENT,
    OPERATING,
    PRIVACY,
    CONTAINER,
    "docs/configuration.md",
    "docs/loader-serving.md",
)
"""Pages on which one looks something up, beside a Sayso that runs: that of the page on migrating, as it has most."""
CANNOT_RUN = {
    (README, "make demo"),
    (QUICKSTART, "make demo"),
    (FORWARDERS, ".venv/bin/python -m tools.make_docs"),
    (CONTAINER, "docker build --tag sayso ."),
    (CONTAINER, "docker exec sayso sayso status"),
    (CONTAINER, "SAYSO_ADMIN_TOKEN=choose-one docker compose up --build"),
    (CONTAINER, "kubectl apply --filename deploy/kubernetes/namespace.yaml"),
    (
        CONTAINER,
        "kubectl --namespace sayso set image statefulset/deliver deliver=registry.example/sayso:NEW",
    ),
    ("docs/traces.md", 'pip install "sayso[traces]"'),
}
"""Blocks, by their first lines, that are marked as not run. Nothing else may be."""
_EXPORT = "export GA_API_SECRET=anything META_TOKEN=anything-else\n"
SAYS = {
    (README, "sayso check-config sayso.toml"): ["no problems", "^sayso ready public="],
    (QUICKSTART, f"{_EXPORT}.venv/bin/sayso check"): ["no problems, 2 warnings"],
    (QUICKSTART, f"{_EXPORT}send()"): [
        r"\A204$",
        r'^\{"google_analytics":\{"requests":1,"events":1,"accepted":1,',
    ],
    (QUICKSTART, "curl -s http://127.0.0.1:9000/_twin/requests"): ["gcs=G100", r"dl=http%3A%2F%2F[^&]*%2F\""],
    (QUICKSTART, "send http://localhost:8080/consent"): [
        r"\A204$",
        r"^204$",
        r'"vendor":"meta"',
        r'"em":\["[0-9a-f]{64}"\]',
        '"held":',
        '"kind":"given"',
    ],
    (QUICKSTART, "buy"): [r"\A204$"],
    (QUICKSTART, "send -X DELETE"): [r"\A204$", r"^204\n\Z"],
    (QUICKSTART, "sleep 1; .venv/bin/sayso status"): [
        "adds up",
        "1 repeat of it was not sent",
        'reason="consent_denied"',
        'reason="consent_unknown"',
        'reason="duplicate"',
        'reason="granted"',
    ],
    (QUICKSTART, ".venv/bin/sayso loader"): [r'<script async src="http://localhost:\d+/sayso.js"></script>'],
    (MIGRATING, "curl -i 'http://localhost:8080/g/collect"): ["^HTTP/1.1 204 "],
    (MIGRATING, ".venv/bin/sayso loader"): ['src="https://shop.example/metrics/sayso.js"'],
    (MIGRATING, 'curl -s "http://localhost:8080/debug'): [r'"fieldPath":"events\[0\].params.items"'],
    (MIGRATING, 'curl -i "http://localhost:8080/mp/collect'): ["^HTTP/1.1 204 "],
    (MIGRATING, "curl -s http://127.0.0.1:9000/_twin/stats\ncurl"): [
        '"google_analytics":.*"meta":',
        "sayso_events_received_total",
        "^sayso_decisions_total",
        "^sayso_outcomes_total",
        r"^Meta \(meta\): sent in full",
    ],
    (FORWARDERS, "export PYTHONPATH=. EXAMPLE_ADS_TOKEN=anything-at-all\ncurl"): [
        "^HTTP/1.1 204 ",
        '"host":"api.ads.example","method":"POST","path":"/v1/accounts/123456/events"',
        r'\["authorization","Bearer anything-at-all"\]',
        '"value":499,"currency":"NOK"',
        '"email":"[0-9a-f]{64}"',
        "^shop/example_ads/.* rejected .*HTTP 404$",
    ],
    (
        MEASUREMENT,
        "curl -i 'http://localhost:8080/mp/collect?measurement_id=G-QUICK01' \\\n    -H \"Authorization: Bearer $SHOP_INGEST_KEY\" -H 'Content-Type: application/json' -d '{",
    ): ["^HTTP/1.1 204 "],
    (MEASUREMENT, 'curl -i "http://localhost:8080/mp/collect?'): ["^HTTP/1.1 204 "],
    (OPERATING, "sayso check-config sayso.toml\nkill"): ["no problems"],
    (OPERATING, "curl 'http://127.0.0.1:9464/events"): ['"google_analytics"'],
    (PRIVACY, "curl -s http://127.0.0.1:9464/metrics"): [
        "^sayso_consent_age",
        "^sayso_egress_violations_total",
    ],
    (CONTAINER, "curl -s -o /dev/null"): [r"\A204$", r'^\{"status":"ready"'],
    ("docs/configuration.md", "sayso check-config sayso.toml"): ["no problems", r'"\$schema"|"properties"'],
    ("docs/loader-serving.md", "sayso loader"): ['integrity="sha384-'],
}
"""What blocks print, in this order, by the page and how they begin: what the pages say of it in words."""
pytestmark = [
    pytest.mark.timeout(180),
    pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl here"),
]


def has(shown: object, printed: object) -> bool:
    """Tell whether what was printed has the shape of what the page shows: its keys, and kinds of values."""
    if isinstance(shown, Mapping):
        return isinstance(printed, Mapping) and all(
            key in printed and has(one, printed[key]) for key, one in shown.items()
        )
    if isinstance(shown, list):
        return isinstance(printed, list) and len(printed) >= len(shown) and all(map(has, shown, printed))
    return type(shown) is type(printed)


def check(block: Block, answer: Answer, used: set[tuple[str, str]]) -> None:
    """Fail where a command failed, or printed something else than the page says."""
    assert answer.status == 0, f"{block} ended with {answer.status}: {answer.err}\n{answer.out}"
    out = answer.out.replace("\r", "")
    if block.shown is not None and block.shown[0] == "json":
        assert has(json.loads(block.shown[1]), json.loads(out)), f"{block} shows something else than {out}"
    begins = [key for key in SAYS if key[0] == block.page and block.code.startswith(key[1])]
    at = 0
    for key in sorted(begins, key=lambda key: len(key[1]))[-1:]:
        used.add(key)
        for pattern in SAYS[key]:
            found = re.compile(pattern, re.MULTILINE).search(out, at)
            assert found is not None, f"{block}: no {pattern} in {out[at:]}"
            at = found.end()


async def follow(reader: Reader, page: str) -> None:
    """Type what a page says."""
    used: set[tuple[str, str]] = set()
    for block in blocks(page, "sh"):
        if block.not_run is None:
            answer = await reader.does(block)
            check(block, answer, used)
    assert used == {key for key in SAYS if key[0] == page}


@pytest.mark.parametrize("page", FOLLOWED)
async def test_who_follows_a_page_gets_what_it_says(short_path: Path, page: str) -> None:
    """From its first command to its last, in a folder of their own."""
    (short_path / "our_package").mkdir()
    for block in blocks(page, "python"):
        (short_path / "our_package" / "example_ads.py").write_text(block.code, encoding="utf-8")
    async with Reader(short_path) as reader:
        if page == README:
            reader.exports(GA_API_SECRET="anything")
        reader.writes(blocks(page, "toml")[0].code)
        await follow(reader, page)


async def test_what_is_looked_up_works_beside_a_sayso_that_runs(short_path: Path) -> None:
    """With the configuration of the page on migrating."""
    async with Reader(short_path, further={"EVENT_ID": "order-1001"}) as reader:
        reader.exports(
            GA_API_SECRET="anything", META_TOKEN="anything-else", SHOP_INGEST_KEY="a-long-random-text"
        )
        reader.writes(blocks(MIGRATING, "toml")[0].code)
        await reader.starts("exec sayso twin --listen 127.0.0.1:9000")
        await reader.starts("exec sayso serve")
        for page in LOOKED_UP:
            await follow(reader, page)


def test_every_page_with_commands_is_run() -> None:
    """A new page is to be added above."""
    run = {block.page for page in every_page() for block in blocks(page, "sh") if block.not_run is None}
    assert run == {*FOLLOWED, *LOOKED_UP}


def test_every_page_with_single_commands_is_tried() -> None:
    """Runbooks are for what is broken: their commands are read by ``tests/docs/test_words.py``."""
    shown = {page for page in every_page() if examples(page) and not page.startswith("docs/runbooks/")}
    assert shown == set(GUIDES)


def test_what_is_not_run_is_known() -> None:
    """A mark cannot be set just because a command fails."""
    marked = [block for page in every_page() for block in blocks(page) if block.not_run]
    assert {(block.page, block.code.splitlines()[0]) for block in marked} == CANNOT_RUN
    assert {block.language for block in marked} == {"sh"}


def test_commands_stand_in_blocks_that_are_run() -> None:
    """Under no other name of a shell, where nobody would try them."""
    shells = {"bash", "shell", "zsh", "fish", "powershell"}
    assert not [str(block) for page in every_page() for block in blocks(page) if block.language in shells]
