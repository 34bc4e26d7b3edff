"""Every single command that the guides show as an example can be given as it stands there.

Blocks of several commands are run by ``tests/docs/test_commands.py``.
"""

import shlex
from pathlib import Path
from typing import Any

import pytest

from proxy.audit.trail import decided
from proxy.identity import ref_of
from proxy.reasons import Outcome
from proxy.signals import UNKNOWN_STATE
from proxy.store.claims import Claims, End
from proxy.store.client import Store
from proxy.store.keys import ID_KEY, outbox_keys
from proxy.store.outbox import Put
from tests.support.delivery import SITE, Scene, link, site_of
from tests.support.guides import examples
from tests.support.operating import Operator

OPERATING = "docs/operating.md"
GUIDES = (OPERATING, "docs/privacy.md", "docs/audit.md")
EXAMPLES = list(dict.fromkeys(example for page in GUIDES for example in examples(page)))


def test_every_command_has_an_example() -> None:
    """Each stands in the operators' guide at least once."""
    wanted = {
        "status", "pause", "resume", "dead-letters list", "dead-letters show", "dead-letters retry",
        "dead-letters discard", "consent get", "consent withdraw", "consent export", "consent erase", "replay",
        "outbox discard", "doctor", "explain", "audit verify", "audit export", "audit summary",
    }  # fmt: skip
    shown = examples(OPERATING)
    assert wanted == {name for name in wanted for example in shown if example.startswith(name)}


_TAKE_LETTERS_AWAY = ("dead-letters retry", "dead-letters discard", "consent erase")


@pytest.mark.parametrize("example", EXAMPLES)
async def test_an_example_of_the_guide_does_what_it_says(
    tmp_path: Path, valkey_url: str, store: Store, example: str
) -> None:
    """With a shop that has a forwarder ``meta``, a dead letter and a visitor."""
    operator = Operator(tmp_path, valkey_url)
    text = operator.config.read_text(encoding="utf-8")
    operator.config.write_text(text.replace("forwarders.vendor", "forwarders.meta"), encoding="utf-8")
    async with Scene(store, site_of(link(name="meta"))) as scene:
        await scene.decide("gggg", visitor="V" * 22)
        await scene.full("e0", to="meta", visitor="V" * 22)
        await scene.full("left", to="old-meta")
        claims = Claims(store, outbox_keys(0, SITE, "meta"), site=SITE, forwarder="meta", worker="w")
        await claims.prepare()
        (claimed,) = await claims.new(1, block_ms=None)
        await claims.settle([End(claimed.id, Outcome.REJECTED, "vendor_rejected", "no such currency")])
        (letter,) = (await operator.tells("dead-letters", "list"))["dead_letters"]
        key: Any = await store.redis.get(ID_KEY)
        ref = ref_of(bytes.fromhex(key.decode()), SITE, "e-1")
        parts = [("meta", "drop|consent_unknown", "ad_storage", 0, "")]
        told = decided(bytes(32), 1, ref, SITE, None, UNKNOWN_STATE, None, "v1", 0, parts)
        await scene.outbox.put([Put(ref, False, SITE, [("meta", "drop|consent_unknown", None)], told)])
        words = {"ID": letter["id"], "VISITOR": "V" * 22, "EVENT_ID": "e-1"}
        given = [words.get(word, word) for word in shlex.split(example.partition(" > ")[0])]
        if example.startswith("check-config"):  # it has something to say, and on stderr
            assert (await operator.run(*given)).exit_code == 0
        elif example.startswith("doctor"):  # of a store of tests there is something to say
            assert (await operator.run(*given)).exit_code == 1
        elif example.startswith("audit export"):  # nothing is written yet, as nobody delivers
            assert (await operator.run(*given)).exit_code == 0
        else:
            assert await operator.says(*given)
        row = await operator.row("meta")
        assert row["adds_up"] is True
        acted = example.startswith(_TAKE_LETTERS_AWAY) and "--dry" not in example
        assert row["dead_letters"] == (0 if acted else 1)
