"""``gpc`` of a record: that every ad signal granted in it was granted with Global Privacy Control on.

Only such grants hold against the browser's signal, and a record has one mark for all of its signals.
"""

import pytest

from proxy.consent import Record
from proxy.signals import Signals
from proxy.store.client import Store
from proxy.store.consents import Consents

VISITOR = "V" * 22
LONG_AGO = 1_700_000_000_000

# Statements one after the other: four letters, GPC on, and whether it is a decision or an event that fills in.
CASES: list[tuple[str, list[tuple[str, bool, str]], bool]] = [
    ("everything granted with it", [("gggg", True, "decide")], True),
    ("everything granted without it", [("gggg", False, "decide")], False),
    ("granted without it, and again with it", [("gggg", False, "decide"), ("gggg", True, "decide")], True),
    ("granted with it, and again without it", [("gggg", True, "decide"), ("gggg", False, "decide")], False),
    ("ads without it, statistics later with it", [("uggg", False, "decide"), ("guuu", True, "fill")], False),
    ("ads with it, statistics later without it", [("uggg", True, "decide"), ("guuu", False, "fill")], True),
    ("one ad signal with it, others without it before", [("gggg", False, "decide"), ("uguu", True, "decide")], False),
    ("one ad signal without it, others with it before", [("gggg", True, "decide"), ("uguu", False, "decide")], False),
    ("statistics alone with it", [("guuu", True, "decide")], True),
    ("statistics with it, ads later without it", [("guuu", True, "decide"), ("uggg", False, "decide")], False),
    ("a denial without it changes nothing", [("gggg", True, "decide"), ("uudd", False, "decide")], True),
    ("what was granted without it is denied since", [("gguu", False, "decide"), ("gdgg", True, "decide")], True),
    ("repeated, as after a lost answer", [("gggg", True, "decide"), ("guuu", True, "fill"), ("guuu", True, "fill")], True),
]  # fmt: skip


@pytest.mark.parametrize(("said", "wanted"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
async def test_no_statement_lends_its_gpc_to_another(
    store: Store, said: list[tuple[str, bool, str]], wanted: bool
) -> None:
    """An event under GPC that fills in statistics must not make older ad grants hold against GPC."""
    consents = Consents(store)
    for minute, (code, gpc, mode) in enumerate(said):
        await consents.change(
            "shop",
            VISITOR,
            Signals.from_code(code),
            decided_at=LONG_AGO + minute * 60_000,
            source="test",
            gpc=gpc,
            policy_version="v1",
            proof="",
            keep_s=1000,
            mode="fill" if mode == "fill" else "decide",
            interest=False,
        )
    (found,) = await consents.read_many([("shop", VISITOR)])
    assert isinstance(found.record, Record)
    assert found.record.gpc is wanted
    await consents.close()
