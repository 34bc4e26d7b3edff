"""What was made while denied is never sent in full, in whatever order events, decisions, sending and time come."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import pytest

from proxy.delivery.delivery import Delivery
from proxy.twin.faults import Fault
from tests.support.rig import ADS, DENY, GRANT, STATS, Browser, event, site
from tests.support.waiting import wait_until
from tests.support.whole import StartWhole, Whole

META: Final = {"shop": site(forwarders={"meta": site()["forwarders"]["meta"]})}
ROUNDS: Final = 24
STEPS: Final = 14


async def tick(whole: Whole) -> None:
    """Let the clock move on: of two things in one millisecond nobody can say which came first."""
    before = whole.rig.clock()

    async def moved() -> bool:
        return whole.rig.clock() > before + 1

    await wait_until(moved, what="the next millisecond")


@dataclass(slots=True)
class Story:
    """One visitor's story, as they would tell it: what they allowed when each event was made."""

    browser: Browser
    chance: random.Random
    number: int
    allowed: bool = False
    events: int = 0
    made_while_denied: set[str] = field(default_factory=set)
    held: list[tuple[str, int]] = field(default_factory=list)
    grants: list[dict[str, object]] = field(default_factory=list)
    answered: bool = False

    def name(self) -> str:
        """Return a new event's id; one that is made while denied is remembered as such."""
        self.events += 1
        name = f"{self.number}-{self.events}"
        if self.answered and not self.allowed:
            self.made_while_denied.add(name)
        return name

    async def send(self, whole: Whole) -> None:
        """Make an event and send it at once; its page may claim what it likes for it."""
        claimed = self.chance.choice([{}, {}, {"consent": dict(GRANT)}])
        await self.browser.collect(event("page_view", event_id=self.name(), **claimed))

    async def hold(self, whole: Whole) -> None:
        """Make an event, and keep it in the page for now."""
        self.held.append((self.name(), whole.rig.clock()))

    async def send_held(self, whole: Whole) -> None:
        """Send what the page has kept, with the time at which it was made."""
        while self.held:
            name, made = self.held.pop()
            await self.browser.collect(event("page_view", event_id=name, timestamp=made))

    async def grant(self, whole: Whole) -> None:
        """Grant everything."""
        await tick(whole)
        body: dict[str, object] = {**GRANT, "decided_at": whole.rig.clock()}
        self.grants.append(body)
        await self.browser.consent(body)
        state = await self.browser.state()
        self.allowed = all(state[name] == "granted" for name in GRANT)
        self.answered = True
        await tick(whole)

    async def refuse(self, whole: Whole) -> None:
        """Take something back: everything, or advertising."""
        await tick(whole)
        how = self.chance.choice(["DELETE", "all", "ads", "one"])
        if how == "DELETE":
            await self.browser.withdraw()
        elif how == "all":
            await self.browser.consent(DENY)
        elif how == "ads":
            await self.browser.consent({**STATS, **dict.fromkeys(ADS, "denied")})
        else:
            await self.browser.consent({self.chance.choice(ADS): "denied"})
        self.allowed, self.answered = False, True
        await tick(whole)

    async def replay(self, whole: Whole) -> None:
        """Send an old grant once more."""
        if self.grants:
            await self.browser.consent(self.chance.choice(self.grants))


@pytest.mark.parametrize("seed", range(4))
async def test_nothing_made_while_denied_is_ever_sent_in_full(start_whole: StartWhole, seed: int) -> None:
    """Many visitors at random, workers that come and go, a vendor that is now and then away, and replays of old grants."""
    chance = random.Random(seed)  # noqa: S311  # a test's own dice
    whole = await start_whole(META)
    stories = [Story(whole.rig.browser(), chance, number) for number in range(ROUNDS)]
    steps: list[Callable[[Story], Any]] = [
        lambda story: story.send(whole),
        lambda story: story.send(whole),
        lambda story: story.hold(whole),
        lambda story: story.send_held(whole),
        lambda story: story.grant(whole),
        lambda story: story.refuse(whole),
        lambda story: story.replay(whole),
    ]
    workers: list[Delivery] = []
    for _ in range(STEPS):
        for story in stories:
            await chance.choice(steps)(story)
        match chance.randrange(4):
            case 0 if len(workers) < 2:
                workers.append(await whole.deliver(f"w{chance.random()}"))
            case 1 if workers:
                await workers.pop().stop()
            case 2:
                whole.running.twin.fault("meta", Fault(status=503, every=2))
            case _:
                whole.running.twin.fault("meta")
    for story in stories:
        await story.grant(whole)
        await story.send_held(whole)
        await story.send(whole)
    whole.running.twin.fault("meta")
    if not workers:
        await whole.deliver("last")
    sent = {
        str(one["event_id"]): str(one)
        for request in await whole.quiet()
        if request.status < 300
        for one in request.json["data"]
    }
    denied = set().union(*(story.made_while_denied for story in stories))
    assert len(denied) > 20
    assert not denied & sent.keys()
    assert len(sent) > 10, "and what was allowed went out"
