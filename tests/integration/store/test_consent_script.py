"""``consent.lua``, the only writer of consent records: whatever the order, no withdrawal is lost and none is undone."""

import asyncio
from dataclasses import dataclass, field
from typing import Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from proxy.consent import Record, Unreadable
from proxy.signals import Signals
from proxy.store.client import Store
from proxy.store.consents import Changed, Consents
from proxy.store.keys import consent_key, session_key
from tests.support.own_valkey import Valkey
from tests.support.rig import ask

QUICK = settings(
    max_examples=120,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
LONG_AGO = 1_700_000_000_000
VISITOR = "V" * 22
Mode = Literal["decide", "fill", "withdraw"]


@dataclass(frozen=True)
class Said:
    """One writer's statement: four letters, when it was decided (ms since long ago), and how."""

    code: str
    decided: int
    mode: Mode = "decide"
    interest: bool = False
    gpc: bool = False


@dataclass
class Model:
    """What the record must be, worked out without a store."""

    code: str = "uuuu"
    times: list[int] = field(default_factory=lambda: [0, 0, 0, 0])
    tombstone: bool = False

    def apply(self, said: Said) -> None:
        """Apply one statement, as the contract says it."""
        letters = list(self.code)
        stated = "dddd" if said.mode == "withdraw" else said.code
        for place, letter in enumerate(stated):
            known = letters[place] != "u"
            if letter == "d" and not (said.mode == "fill" and known):
                letters[place] = "d"
                self.times[place] = max(self.times[place], said.decided)
            elif (
                letter == "g"
                and not self.tombstone
                and (not known or (said.mode == "decide" and said.decided > self.times[place]))
            ):
                letters[place] = "g"
                self.times[place] = said.decided
        self.code = "".join(letters)
        objection = letters[0] == "d" or (said.gpc and letters[0] == "u")
        if said.mode == "withdraw" or not ("g" in letters[:2] or (said.interest and not objection)):
            self.tombstone = True


async def write(consents: Consents, said: Said, visitor: str = VISITOR) -> Changed:
    """Write one statement."""
    return await consents.change(
        "shop",
        visitor,
        Signals.from_code(said.code),
        decided_at=LONG_AGO + said.decided,
        source="test",
        gpc=said.gpc,
        policy_version="v1",
        proof="",
        keep_s=1000,
        mode=said.mode,
        interest=said.interest,
    )


async def stored(store: Store, visitor: str = VISITOR) -> dict[str, str]:
    """Return the record's fields."""
    found = await ask(store, "HGETALL", consent_key("shop", visitor))
    return {name.decode(): value.decode() for name, value in found.items()}


codes = st.text("gdu", min_size=4, max_size=4)
statements = st.builds(
    Said,
    code=codes,
    decided=st.integers(1, 12),
    mode=st.sampled_from(["decide", "decide", "decide", "fill", "fill", "withdraw"]),
    interest=st.booleans(),
    gpc=st.booleans(),
)


@QUICK
@given(statements=st.lists(statements, min_size=1, max_size=10))
async def test_each_statement_does_what_the_contract_says(store: Store, statements: list[Said]) -> None:
    """Any sequence: newest decision wins, a denial always applies, a fill only fills, a tombstone stays."""
    await store.redis.flushdb()
    consents, model = Consents(store), Model()
    for said in statements:
        before = model.code
        changed = await write(consents, said)
        model.apply(said)
        assert (changed.signals.code(), changed.tombstone) == (model.code, model.tombstone), said
        assert changed.decided_at == max((LONG_AGO + time for time in model.times if time), default=0)
        (found,) = await consents.read_many([("shop", VISITOR)])
        if found.record is None:
            assert model.code == before == "uuuu"
        else:
            assert isinstance(found.record, Record)
            assert (found.record.signals.code(), found.record.tombstone) == (model.code, model.tombstone)


@QUICK
@given(
    writers=st.lists(st.lists(statements, min_size=1, max_size=4), min_size=2, max_size=4),
    first=st.none() | statements,
)
async def test_whatever_several_writers_do_at_once_no_withdrawal_is_lost(
    valkey_url: str, writers: list[list[Said]], first: Said | None
) -> None:
    """Each over a connection of its own, in any interleaving that the network makes."""
    stores = [Store(valkey_url) for _ in writers]
    try:
        await stores[0].redis.flushdb()
        if first is not None:
            await write(Consents(stores[0]), first)

        async def act(store: Store, statements: list[Said]) -> None:
            for said in statements:
                await write(Consents(store), said)

        await asyncio.gather(
            *(act(store, statements) for store, statements in zip(stores, writers, strict=True))
        )
        everything = [said for statements in writers for said in statements] + ([first] if first else [])
        (found,) = await Consents(stores[0]).read_many([("shop", VISITOR)])
    finally:
        for store in stores:
            await store.close()
    record = found.record
    assert not isinstance(record, Unreadable)
    code = "uuuu" if record is None else record.signals.code()
    if any(said.mode == "withdraw" for said in everything):
        assert code == "dddd"
        assert record is not None
        assert record.tombstone
    for place in range(4):
        decided = [said for said in everything if said.mode == "decide"]
        denied = [said.decided for said in decided if said.code[place] == "d"]
        granted = [said.decided for said in decided if said.code[place] == "g"]
        filled = [said for said in everything if said.mode == "fill" and said.code[place] == "g"]
        if denied and max(denied) >= max(granted, default=0):
            assert code[place] == "d", (place, everything)
        if not granted and not filled:
            assert code[place] != "g"


@QUICK
@given(code=codes, fills=st.lists(codes, max_size=5), decided=st.integers(1, 9))
async def test_a_fill_never_changes_what_is_known(
    store: Store, code: str, fills: list[str], decided: int
) -> None:
    """An event's own consent, however often, however late."""
    await store.redis.flushdb()
    consents = Consents(store)
    known = await write(consents, Said(code, decided, interest=True))
    for number, fill in enumerate(fills):
        changed = await write(consents, Said(fill, decided + 1 + number, "fill", interest=True))
        for before, after in zip(known.signals.code(), changed.signals.code(), strict=True):
            assert before in {"u", after}


class TestTombstones:
    @pytest.mark.parametrize("mode", ["decide", "fill"])
    async def test_no_grant_revives_one(self, store: Store, mode: Mode) -> None:
        consents = Consents(store)
        await write(consents, Said("gggg", 1))
        await write(consents, Said("uuuu", 2, "withdraw"))
        for decided in (1, 2, 3, 10**9):
            changed = await write(consents, Said("gggg", decided, mode))
            assert (changed.signals.code(), changed.tombstone) == ("dddd", True)

    async def test_one_is_made_even_where_there_was_no_record(self, store: Store) -> None:
        """Entries may stand under an id that has none, on legitimate interest."""
        changed = await write(Consents(store), Said("uuuu", 1, "withdraw", interest=True))
        assert (changed.signals.code(), changed.tombstone) == ("dddd", True)

    async def test_it_takes_the_session_along(self, store: Store) -> None:
        consents = Consents(store)
        await write(consents, Said("gggg", 1))
        await consents.begin_session("shop", VISITOR, 1000)
        await write(consents, Said("uuuu", 2, "withdraw"))
        assert await store.redis.exists(session_key("shop", VISITOR)) == 0

    @pytest.mark.parametrize(
        ("before", "said", "interest", "gpc", "tombstone"),
        [
            ("gggg", "dddd", False, False, True),
            ("gggg", "dduu", False, False, True),
            ("gggg", "duuu", False, False, False),
            ("gggg", "uddd", False, False, False),
            ("uggg", "uddd", False, False, True),
            ("uggg", "uddd", True, False, False),
            ("uggg", "uddd", True, True, True),
            ("uggg", "dddd", True, False, True),
            ("ggdd", "ddgg", False, False, True),
        ],
    )
    async def test_whatever_leaves_no_basis_for_an_id_is_one(
        self, store: Store, before: str, said: str, interest: bool, gpc: bool, tombstone: bool
    ) -> None:
        consents = Consents(store)
        await write(consents, Said(before, 1))
        changed = await write(consents, Said(said, 2, interest=interest, gpc=gpc))
        assert changed.tombstone is tombstone


class TestTimes:
    async def test_no_clock_but_the_stores_puts_a_decision_into_the_future(self, store: Store) -> None:
        consents = Consents(store)
        changed = await write(consents, Said("gggg", 10**15))
        assert changed.decided_at <= changed.read_at
        assert (await write(consents, Said("uddd", 10**15))).signals.code() == "gddd"

    async def test_a_denial_is_marked_with_the_stores_own_time(self, store: Store) -> None:
        """By it an entry's age is told, whatever time the denial itself claims."""
        consents = Consents(store)
        await write(consents, Said("gggg", 5))
        changed = await write(consents, Said("uduu", 1))
        record = await stored(store)
        assert record["denied_at"].split(",") == ["0", str(changed.read_at), "0", "0"]
        assert record["times"].split(",")[1] == str(LONG_AGO + 5)

    async def test_it_stays_marked_after_a_later_grant(self, store: Store) -> None:
        consents = Consents(store)
        await write(consents, Said("gggg", 1))
        denied = await write(consents, Said("uduu", 2))
        await write(consents, Said("gggg", 3))
        record = await stored(store)
        assert (record["ad_storage"], record["denied_at"].split(",")[1]) == ("granted", str(denied.read_at))

    async def test_a_statement_that_changes_nothing_writes_nothing(self, store: Store) -> None:
        consents = Consents(store)
        await write(consents, Said("gggg", 5))
        before = await stored(store)
        for said in (Said("gggg", 5), Said("gggg", 4), Said("dddd", 9, "fill"), Said("uuuu", 9)):
            await write(consents, said)
        assert await stored(store) == before

    async def test_it_is_kept_as_long_as_asked_and_30_days(self, store: Store) -> None:
        await write(Consents(store), Said("gggg", 1))
        assert 30 * 86_400 + 990 <= await store.redis.ttl(consent_key("shop", VISITOR)) <= 30 * 86_400 + 1000


async def test_concurrent_visitors_do_not_meet(valkey_url: str, shared_valkey: Valkey) -> None:
    """Two hundred visitors at once, each with another state, over one connection."""
    store = Store(valkey_url)
    states = ["".join(a + b + c + d) for a in "gdu" for b in "gdu" for c in "gdu" for d in "gdu"]
    names = {f"{number:0>22}": code for number, code in enumerate(states)}
    consents = Consents(store)
    await asyncio.gather(
        *(write(consents, Said(code, 1, interest=True), name) for name, code in names.items())
    )
    found = await consents.read_many([("shop", name) for name in names])
    got = [one.record.signals.code() if isinstance(one.record, Record) else "uuuu" for one in found]
    await store.close()
    assert got == states
    assert int(str(shared_valkey.ask("DBSIZE"))) == 2 * 80  # each with its history
