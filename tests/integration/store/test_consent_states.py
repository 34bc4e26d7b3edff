"""The states of consent as they are written down, and the scripts that change the record: they say the same.

``proxy.consent_states`` is the reference. Whatever is stated, in whatever order and by however many writers at once, the
store ends where the reference does.
"""

import asyncio
import itertools
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

import proxy
from proxy.consent import Record, combine
from proxy.consent_states import (
    NEXT,
    Input,
    Mode,
    State,
    applied,
    input_of,
    is_over,
    value_of,
)
from proxy.reasons import Reason
from proxy.signals import ALL_UNKNOWN, Signals
from proxy.store.client import Store
from proxy.store.consents import Changed, Consents
from proxy.store.erasure import erase_keys
from proxy.store.keys import consent_key
from tests.support.own_valkey import Valkey

LONG_AGO = 1_700_000_000_000
MAX_AGE = 8
"""For how long a grant counts in these tests, ms."""


@dataclass(frozen=True)
class Said:
    """One statement; ``decided`` is ms since long ago."""

    code: str
    decided: int
    mode: Mode = "decide"
    gpc: bool = False


@dataclass
class Reference:
    """One record as the written-down states have it."""

    interest: bool
    states: list[State] = field(default_factory=lambda: [State.UNKNOWN] * 4)
    times: list[int] = field(default_factory=lambda: [0] * 4)

    @property
    def over(self) -> bool:
        """Whether everything is withdrawn."""
        return self.states[0] is State.WITHDRAWN

    def take(self, said: Said, clock: int) -> None:
        """Take a statement."""
        self.pass_time(clock)
        for place, letter in enumerate(said.code):
            state = self.states[place]
            given = input_of(letter, said.mode, newer=said.decided > self.times[place])
            after = NEXT[state][given]
            if after is State.DENIED or after is State.WITHDRAWN:
                if given in {Input.DENIAL, Input.WITHDRAWAL} or after is not state:
                    self.times[place] = max(self.times[place], said.decided)
            elif applied(state, given):
                self.times[place] = said.decided
            self.states[place] = after
        if not self.over and is_over(self.states, interest=self.interest, gpc=said.gpc):
            self.states = [NEXT[state][Input.NO_BASIS] for state in self.states]
        self.pass_time(clock)

    def erase(self) -> None:
        """Erase it."""
        self.states = [NEXT[state][Input.ERASURE] for state in self.states]

    def pass_time(self, clock: int) -> None:
        """Let grants run out that are too old by now."""
        for place, state in enumerate(self.states):
            if state is State.GRANTED and self.times[place] < clock - MAX_AGE:
                self.states[place] = NEXT[state][Input.TIME]


async def write(consents: Consents, said: Said, visitor: str, *, interest: bool) -> Changed:
    """Write a statement, as whoever writes records does."""
    doubted = frozenset(place for place, letter in enumerate(said.code) if letter == "f")
    return await consents.change(
        "shop",
        visitor,
        Signals.from_code(said.code.replace("f", "g")),
        decided_at=LONG_AGO + said.decided,
        source="test",
        gpc=said.gpc,
        policy_version="v1",
        proof="",
        keep_s=1000,
        mode=said.mode,
        interest=interest,
        doubted=doubted,
    )


def test_every_state_has_an_answer_to_everything() -> None:
    """The table is complete, and only a newer grant leads from a denial, or from a grant that ran out, to a grant."""
    assert set(NEXT) == set(State)
    for state, row in NEXT.items():
        assert set(row) == set(Input), state
        for given, after in row.items():
            if after is State.GRANTED and state in {State.DENIED, State.EXPIRED}:
                assert given is Input.NEWER_GRANT
            if state is State.WITHDRAWN and given not in {Input.END, Input.NEW_ID}:
                assert after is State.WITHDRAWN
            if given is Input.WITHDRAWAL:
                assert after is State.WITHDRAWN


@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize(
    ("letter", "mode", "decided"),
    [
        (letter, mode, decided)
        for letter in "gduf"
        for mode in ("decide", "fill", "withdraw")
        for decided in (5, 10, 15)
        if (letter, mode) != ("f", "fill")
    ],
)
async def test_the_script_does_what_the_table_says(
    store: Store, state: State, letter: str, mode: Mode, decided: int
) -> None:
    """Each state, each way to state each thing, each age: on one signal, while another holds the id."""
    consents, reference = Consents(store), Reference(interest=False)
    clock = 11
    before = {
        State.UNKNOWN: [Said("uggg", 10)],
        State.DENIED: [Said("dggg", 10)],
        State.GRANTED: [Said("gggg", 10)],
        State.EXPIRED: [Said("gggg", 10)],
        State.WITHDRAWN: [Said("gggg", 10), Said("uuuu", 10, "withdraw")],
    }[state]
    for said in before:
        await write(consents, said, "V" * 22, interest=False)
        reference.take(said, clock)
    clock = 30 if state is State.EXPIRED else clock
    reference.pass_time(clock)
    assert reference.states[0] is state
    said = Said(f"{letter}uuu", decided, mode)
    await write(consents, said, "V" * 22, interest=False)
    reference.take(said, clock)
    assert await states_in(consents, "V" * 22, clock) == reference.states


async def states_in(consents: Consents, visitor: str, clock: int) -> list[State]:
    """Return the four states as the store's record has them at a time."""
    found = (await consents.read_many([("shop", visitor)]))[0].record
    if found is None:
        return [State.UNKNOWN] * 4
    assert isinstance(found, Record)
    if found.tombstone:
        return [State.WITHDRAWN] * 4
    told = combine(found, None, ALL_UNKNOWN, gpc=False, now_ms=LONG_AGO + clock, max_age_ms=MAX_AGE)
    words = {
        Reason.GRANTED: State.GRANTED,
        Reason.CONSENT_DENIED: State.DENIED,
        Reason.CONSENT_UNKNOWN: State.UNKNOWN,
        Reason.CONSENT_EXPIRED: State.EXPIRED,
    }
    return [words[why] for why in told.why]


statements = st.builds(
    Said,
    code=st.text("gduf", min_size=4, max_size=4),
    decided=st.integers(1, 14),
    mode=st.sampled_from(["decide", "decide", "decide", "fill", "withdraw"]),
    gpc=st.booleans(),
).map(
    lambda said: (
        Said(said.code.replace("f", "g"), said.decided, said.mode, said.gpc) if said.mode == "fill" else said
    )
)


class Life(RuleBasedStateMachine):
    """One visitor's record, at the mercy of anybody. ``server`` is set by the test."""

    server: Valkey

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.stores = [self.loop.run_until_complete(self._open()) for _ in range(3)]
        self.server.ask("FLUSHALL")
        self.number, self.clock = 0, 20
        self.reference = Reference(interest=False)

    async def _open(self) -> Store:
        return Store(self.server.url)

    @property
    def visitor(self) -> str:
        """The present id."""
        return f"{self.number:0>22}"

    def _run(self, work: Any) -> Any:
        return self.loop.run_until_complete(work)

    @initialize(interest=st.booleans())
    def begin(self, interest: bool) -> None:
        self.reference = Reference(interest=interest)

    @rule(said=statements)
    def state(self, said: Said) -> None:
        self._run(write(Consents(self.stores[0]), said, self.visitor, interest=self.reference.interest))
        self.reference.take(said, self.clock)

    @rule(said=st.lists(statements, min_size=2, max_size=3))
    def state_at_once(self, said: list[Said]) -> None:
        """Over connections of their own: it ends as if one had come after another, in whatever order."""

        async def all_of_them() -> None:
            interest = self.reference.interest
            await asyncio.gather(
                *(
                    write(Consents(store), one, self.visitor, interest=interest)
                    for store, one in zip(self.stores, said, strict=False)
                )
            )

        self._run(all_of_them())
        self.reference = self._serial(said)

    def _serial(self, said: Sequence[Said]) -> Reference:
        found, times = self._run(self.in_store()), self._run(self.times())
        possible: list[list[State]] = []
        for order in itertools.permutations(said):
            reference = deepcopy(self.reference)
            for one in order:
                reference.take(one, self.clock)
            if reference.states == found and (reference.over or reference.times == times):
                return reference
            possible.append(reference.states)
        raise AssertionError(f"{found} is what no order of {said} makes: {possible}")

    @rule()
    def withdraw(self) -> None:
        self.state(Said("uuuu", self.clock, "withdraw"))

    @rule()
    def erase(self) -> None:
        self._run(erase_keys(self.stores[0], "shop", self.visitor, keep_s=1000))
        self.reference.erase()
        # What is left bears the store's own time; the reference takes it over.
        self.reference.times = self._run(self.times())

    @rule(by=st.integers(1, 6))
    def time_passes(self, by: int) -> None:
        self.clock += by
        self.reference.pass_time(self.clock)

    @rule()
    def new_id(self) -> None:
        self.number += 1
        self.reference = Reference(interest=self.reference.interest)

    async def in_store(self) -> list[State]:
        return await states_in(Consents(self.stores[0]), self.visitor, self.clock)

    async def times(self) -> list[int]:
        found = (await Consents(self.stores[0]).read_many([("shop", self.visitor)]))[0].record
        if not isinstance(found, Record):
            return [0] * 4
        return [time - LONG_AGO if time else 0 for time in found.times]

    @invariant()
    def the_store_and_the_table_agree(self) -> None:
        found = self._run(self.in_store())
        assert found == self.reference.states
        record = (self._run(Consents(self.stores[0]).read_many([("shop", self.visitor)])))[0].record
        if isinstance(record, Record) and not self.reference.over:
            assert list(record.signals.values()) == [value_of(state) for state in self.reference.states]

    def teardown(self) -> None:
        for store in self.stores:
            self._run(store.close())
        self.loop.close()


def test_whatever_happens_the_store_is_in_the_state_that_is_written_down(shared_valkey: Valkey) -> None:
    """Random lives, with several writers at once: no withdrawal is lost, no denial undone but by a newer grant."""

    class Here(Life):
        server = shared_valkey

    case: Any = Here.TestCase
    case.settings = settings(
        max_examples=60,
        stateful_step_count=18,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )
    case("runTest").runTest()


def test_nobody_but_the_scripts_writes_a_record() -> None:
    """A key of consent is named where records are read, and where scripts are called; nowhere is it written to."""
    root = Path(proxy.__file__).parent
    users = {
        path.relative_to(root).as_posix()
        for path in root.rglob("*.py")
        if "consent_key(" in path.read_text(encoding="utf-8")
    }
    assert users == {"store/keys.py", "store/consents.py", "store/attributions.py", "store/erasure.py"}
    for name in users:
        text = (root / name).read_text(encoding="utf-8")
        assert not any(word in text for word in (".hset(", "HSET", ".hdel(", ".hmset("))
    writers = {
        path.stem
        for path in root.rglob("*.lua")
        if "HSET" in path.read_text(encoding="utf-8") and "denied_at" in path.read_text(encoding="utf-8")
    }
    assert writers == {"consent", "erase"}
    assert consent_key("shop", "v") == "sayso:{shop:v}:consent"
