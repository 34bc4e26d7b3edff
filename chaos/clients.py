"""Visitors' browsers: each lives through its script with a cookie jar of its own and retries as the loader does."""

import asyncio
import random
import time
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from chaos.book import UNKNOWN, UNSENT, Attempt, Book, Denial, Event
from chaos.minds import Mind
from chaos.plan import Say, Script, Send, SendAgain, script_of
from chaos.words import ORIGIN, SIGNALS, Vendor

USER_AGENT = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36"
_TRIES = 5
_TIMEOUT_S = 3.5
_WORDS = {"g": "granted", "d": "denied"}
_EXPECTED = frozenset({200, 204, 429, 503, UNKNOWN, UNSENT})


@dataclass(slots=True)
class _Letter:
    """A request with events, kept so that it can be sent again as it was."""

    send: Send
    events: list[Event]
    body: dict[str, Any]
    own: str
    gpc: bool


@dataclass(slots=True)
class Crowd:
    """All clients of a run.

    Args:
        seed: of the plan.
        urls: the gateways.
        pace_s: about how long a visitor thinks between two actions.
        mark: begins every event's key.
        book: where everything is noted.
    """

    seed: int
    urls: list[str]
    pace_s: float
    mark: str
    book: Book = field(default_factory=Book)
    visitors: int = 0
    _stop: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self, slots: int) -> None:
        """Let so many visitors live at once, one after the other in each slot, until ``stop``."""
        async with (
            aiohttp.ClientSession(
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=_TIMEOUT_S),
                connector=aiohttp.TCPConnector(limit=0),
            ) as session,
            asyncio.TaskGroup() as group,
        ):
            for _ in range(slots):
                group.create_task(self._slot(session))

    def stop(self) -> None:
        """Let no visitor do anything further."""
        self._stop.set()

    async def _slot(self, session: aiohttp.ClientSession) -> None:
        while not self._stop.is_set():
            number, self.visitors = self.visitors, self.visitors + 1
            await _Browser(self, session, number, script_of(self.seed, number)).live()

    async def rest(self, seconds: float) -> bool:
        """Wait; tells whether to go on."""
        try:
            async with asyncio.timeout(seconds):
                await self._stop.wait()
        except TimeoutError:
            return True
        return False


class _Browser:
    """One visitor."""

    def __init__(self, crowd: Crowd, session: aiohttp.ClientSession, number: int, script: Script) -> None:
        self._crowd = crowd
        self._session = session
        self._number = number
        self._script = script
        self._chance = random.Random(f"{crowd.seed}-browser-{number}")
        self._cookies: dict[str, str] = {}
        self._mind = Mind(script.gpc)
        self._letters: list[_Letter] = []
        self._events = 0

    async def live(self) -> None:
        """Do everything in the script."""
        for action in self._script.actions:
            if not await self._crowd.rest(self._chance.expovariate(1 / self._crowd.pace_s)):
                return
            match action:
                case Say():
                    await self._say(action)
                case Send():
                    letter = self._write(action)
                    self._letters.append(letter)
                    await self._post(letter)
                case SendAgain(back):
                    await self._post(self._letters[-1 - back])

    # --- consent ----------------------------------------------------------------------------------------------------

    async def _say(self, say: Say) -> None:
        stated = {
            name: _WORDS[letter] for name, letter in zip(SIGNALS, say.stated, strict=True) if letter in _WORDS
        }
        denied = frozenset(at for at, letter in enumerate(say.stated) if letter == "d")
        body: dict[str, Any] | None = (
            None if say.delete else {**stated, "source": "chaos", "decided_at": time.time_ns() // 1_000_000}
        )
        start = time.monotonic()
        for turn in range(_TRIES):
            attempt = await self._request(
                "DELETE" if say.delete else "POST", "/consent", body, gpc=self._script.gpc
            )
            done, maybe = attempt.acknowledged, attempt.open
            self._mind.states(say.stated, acknowledged=done, maybe=maybe, now=time.monotonic())
            if done or not await self._again(turn):
                break
        else:
            attempt = Attempt(start, time.monotonic(), UNKNOWN, 0)
        if denied:
            denial = Denial(self._number, denied, start, attempt.end if attempt.acknowledged else None)
            self._crowd.book.denials.setdefault(self._number, []).append(denial)

    # --- events -----------------------------------------------------------------------------------------------------

    def _write(self, send: Send) -> _Letter:
        events: list[Event] = []
        written: list[dict[str, Any]] = []
        for meant in send.events:
            self._events += 1
            key = f"{self._crowd.mark}-v{self._number}-e{self._events}"
            if meant.refused_by is not None:
                key += f"-bad-{meant.refused_by.value.replace('_', '')}"
            event = Event(key, self._number, meant.name, meant.identified, meant.refused_by)
            if meant.invalid:
                self._crowd.book.invalid.add(key)
            else:
                self._crowd.book.events[key] = event
                events.append(event)
            written.append(_body(event, send.own, name="7 is no name" if meant.invalid else meant.name))
        body: dict[str, Any] = written[0] if len(written) == 1 else {"events": written}
        return _Letter(send, events, body, send.own, send.gpc)

    async def _post(self, letter: _Letter) -> None:
        for turn in range(_TRIES):
            for event in letter.events:
                if event.acked_at is None:
                    self._mind.may(event, letter.own, gpc=letter.gpc)
            named = "_sayso" in self._cookies
            attempt = await self._request("POST", "/collect", letter.body, gpc=letter.gpc)
            now = time.monotonic()
            for event in letter.events:
                event.attempts.append(attempt)
                event.nameless |= attempt.open and not named
                self._mind.sent(
                    event,
                    letter.own,
                    gpc=letter.gpc,
                    acknowledged=attempt.acknowledged,
                    maybe=attempt.open,
                    now=now,
                )
            if attempt.acknowledged or not await self._again(turn):
                return

    async def _again(self, turn: int) -> bool:
        """Wait as the loader does before it tries again; tells whether to."""
        return turn + 1 < _TRIES and await self._crowd.rest(0.2 * 2**turn * self._chance.uniform(0.5, 1.5))

    # --- the wire ---------------------------------------------------------------------------------------------------

    async def _request(self, method: str, path: str, body: object, *, gpc: bool) -> Attempt:
        gateway = self._chance.randrange(len(self._crowd.urls))
        headers = {"Origin": ORIGIN, "User-Agent": USER_AGENT}
        if self._cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        if gpc:
            headers["Sec-GPC"] = "1"
        start = time.monotonic()
        status = UNKNOWN
        try:
            async with self._session.request(
                method, self._crowd.urls[gateway] + path, json=body, headers=headers
            ) as answer:
                await answer.read()
                status = answer.status
                self._keep(answer)
        except aiohttp.ClientConnectorError:
            status = UNSENT
        except (aiohttp.ClientError, TimeoutError, OSError):
            status = UNKNOWN
        attempt = Attempt(start, time.monotonic(), status, gateway)
        self._crowd.book.note(attempt)
        if status not in _EXPECTED:
            self._crowd.book.wrong.append(f"{method} {path} by visitor {self._number}: {status}")
        return attempt

    def _keep(self, answer: aiohttp.ClientResponse) -> None:
        for name, morsel in answer.cookies.items():
            if morsel["max-age"] == "0":
                self._cookies.pop(name, None)
            else:
                self._cookies[name] = morsel.value


def _body(event: Event, own: str, *, name: str) -> dict[str, Any]:
    click = f"?gclid=Cj0K{event.visitor}x" if event.identified else ""
    body: dict[str, Any] = {
        "name": name,
        "event_id": event.event_id,
        "page": {"url": f"{ORIGIN}/thanks{click}", "title": "Thanks"},
        "params": {"value": 499, "currency": "NOK", "transaction_id": event.key},
    }
    if own != "uuuu":
        body["consent"] = {
            signal: _WORDS[letter] for signal, letter in zip(SIGNALS, own, strict=True) if letter in _WORDS
        }
    return body


def vendor_of_key(key: str) -> Vendor | None:
    """Return the vendor that refuses the event of this key, or None."""
    _, bad, name = key.partition("-bad-")
    return next((one for one in Vendor if bad and one.value.replace("_", "") == name), None)
