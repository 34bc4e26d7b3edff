"""Reports of a shop that never was, true to life, and an admin listener that shows them."""

import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from types import TracebackType
from typing import Self

from aiohttp import web

from proxy.address import TrustedProxies
from proxy.admin_guard import Guard
from proxy.dashboard.access import Terms
from proxy.dashboard.known import Known, Refusals, Rules, Shop, Standing
from proxy.dashboard.period import Span
from proxy.dashboard.question import Question, read_question
from proxy.dashboard.routes import Dashboard, Now
from proxy.dashboard.usual import Usual
from proxy.delivery.backoff import State
from proxy.delivery.states import LinkState
from proxy.reasons import Outcome, OutcomeReason, Reason
from proxy.report.model import CampaignCount, Consented, DayCount, Funnel, Report

TODAY = date(2026, 11, 22)
SECRET = b"an installation's own"
CONVERSIONS = frozenset({"purchase", "generate_lead", "sign_up"})
VENDORS = {
    "google_analytics": "Google Analytics",
    "google_ads": "Google Ads",
    "meta": "Meta",
    "microsoft": "Microsoft Advertising",
}
SITES = {"ullvik": CONVERSIONS, "outlet": frozenset({"purchase"}), "new": frozenset[str]()}
PLACES = (
    ("google", "cpc", 0.26, ("host-2026", "merke", "genser-sok", "votter")),
    ("facebook", "paid_social", 0.2, ("strikk_retarget", "nye-kunder", "høstsalg")),
    ("newsletter", "email", 0.14, ("uke-45", "uke-46", "uke-47")),
    ("bing", "cpc", 0.07, ("merke",)),
    ("instagram", "social", 0.05, ("",)),
    ("", "", 0.25, ("",)),
)
MOOD = {
    Consented.ALL: 0.58,
    Consented.STATISTICS: 0.11,
    Consented.ADS: 0.01,
    Consented.DENIED: 0.24,
    Consented.UNKNOWN: 0.06,
}


def shared_out(number: int, shares: Mapping[Consented, float], chance: random.Random) -> dict[Consented, int]:
    """Give each of so many conversions an answer."""
    drawn = chance.choices(list(shares), list(shares.values()), k=number)
    return {kind: drawn.count(kind) for kind in shares if kind in drawn}


def day_of(day: date, chance: random.Random, mean: float) -> DayCount:
    """Make up a day: more at weekends, most before Christmas."""
    season = 1.6 if day.month in {11, 12} else 1.0
    number = max(0, round(chance.gauss(mean * season * (1.3 if day.weekday() > 4 else 1.0), mean / 4)))
    value = {"NOK": sum(chance.randrange(199_000, 1_899_000, 1000) for _ in range(number))}
    if number > 3 and chance.random() < 0.2:
        value["EUR"] = chance.randrange(20_000, 90_000, 500)
    answers = shared_out(number, MOOD, chance)
    return DayCount(day, number, chance.randrange(0, 3), value, answers, min(number, chance.randrange(0, 2)))


def campaigns_of(total: int, chance: random.Random, many: int = 0) -> tuple[CampaignCount, ...]:
    """Make up where so many conversions came from; ``many`` is how many further campaigns there are."""
    found = []
    left = total
    for source, medium, share, names in PLACES:
        for at, name in enumerate(names):
            number = min(
                left, round(total * share * (0.6, 0.25, 0.12, 0.03)[at] / (1 if len(names) > 1 else 0.6))
            )
            left -= number
            if number:
                clicks = round(number * 0.83) if medium in {"cpc", "paid_social"} else 0
                value = {"NOK": number * chance.randrange(300_000, 900_000)}
                found.append(CampaignCount(source, medium, name, number, value, clicks))
    for at in range(many):
        number = min(left, chance.randrange(1, 30))
        left -= number
        if number:
            value = {"NOK": number * 450_000}
            found.append(CampaignCount("affiliate", "referral", f"partner-{at:03}", number, value, 0))
    if left:
        found.append(CampaignCount("", "", "", left, {"NOK": left * 400_000}, 0, other=True))
    return tuple(sorted(found, key=lambda one: (one.other, -one.conversions)))


def funnels_of(report: Report) -> tuple[Funnel, ...]:
    """Make up what became of them, so that every account adds up."""
    said, twice = report.consent, report.duplicates
    every, stats, ads = said[Consented.ALL], said[Consented.STATISTICS], said[Consented.ADS]
    denied, unknown = said[Consented.DENIED], said[Consented.UNKNOWN]
    again = {Reason.DUPLICATE: twice} if twice else {}
    accepted = (Outcome.DELIVERED, OutcomeReason.ACCEPTED)
    refused = (Outcome.REJECTED, OutcomeReason.VENDOR_REJECTED)
    withdrawn = (Outcome.DROPPED, OutcomeReason.WITHDRAWN)
    late = (Outcome.EXPIRED, OutcomeReason.TOO_OLD)
    no = {Reason.CONSENT_DENIED: denied + stats + ads, Reason.CONSENT_UNKNOWN: unknown}
    bad = every // 60

    def keys(*shares: tuple[str, float]) -> dict[str, int]:
        return {name: round(every * share) for name, share in shares}

    full = every + stats
    return (
        Funnel(
            "google_analytics",
            full,
            denied + unknown + ads,
            again,
            {accepted: full + denied + unknown + ads},
            {"client_id": full, "gclid": round(full * 0.3)},
        ),
        Funnel(
            "google_ads",
            every - bad,
            bad,
            again | no,
            {accepted: every - bad * 3, refused: bad, late: bad},
            keys(("email", 0.86), ("phone", 0.51), ("gclid", 0.34)),
        ),
        Funnel(
            "meta",
            every,
            0,
            again | no,
            {accepted: max(0, every - bad * 3 - 2), refused: bad * 2, withdrawn: min(every, 2)},
            keys(("external_id", 1.0), ("em", 0.86), ("ph", 0.5), ("fbp", 0.72), ("fbc", 0.31)),
        ),
        Funnel(
            "microsoft",
            every,
            0,
            again | no,
            {accepted: every},
            keys(("anonymousId", 1.0), ("msclkid", 0.08)),
        ),
    )


def made_up(span: Span, event: str | None = None, mean: float = 30.0, many: int = 0) -> Report:
    """Make up a report; the same span and event give the same one."""
    chance = random.Random(f"{span.first}{event}{mean}")  # noqa: S311  # numbers for a show
    length = span.length
    factor = mean if event in {None, "purchase"} else mean / 5
    days = tuple(day_of(span.first + timedelta(at), chance, factor) for at in range(length))
    bare = Report("ullvik", span.first, span.last, event, days, (), ())
    return replace(bare, campaigns=campaigns_of(bare.conversions, chance, many), funnels=funnels_of(bare))


def empty(span: Span, site: str = "new", event: str | None = None) -> Report:
    """Return a report of nothing."""
    days = tuple(DayCount(span.first + timedelta(at)) for at in range(span.length))
    return Report(site, span.first, span.last, event, days, (), tuple(Funnel(name) for name in VENDORS))


STANDING = Standing(
    states=[
        LinkState("ullvik", "microsoft", State.PAUSED, "Authentication token expired", 1_795_000_000_000),
    ],
    refusals={
        "meta": Refusals(
            [
                ("(#100) param user_data must have at least one of the following: em, ph, fbc", 7),
                ("Invalid parameter: custom_data.currency", 2),
            ],
            9,
        ),
        "google_ads": Refusals([("EVENT_TIME_INVALID", 3)], 500, more=True),
    },
    usual=Usual(TODAY - timedelta(1), 21, 4, 482),
)


@dataclass
class MadeUp:
    """A source of made-up numbers. ``error`` is raised instead, if set; ``change`` may change what it knows."""

    kept: Rules = field(default_factory=lambda: Rules("Europe/Oslo", 400, 5))
    mean: float = 30.0
    error: Exception | None = None
    change: Callable[[Known], Known] | None = None
    asked: list[Question] = field(default_factory=list)

    def rules(self) -> Rules:
        """Return how they are kept."""
        return self.kept

    def sites(self) -> Mapping[str, frozenset[str]]:
        """Return three sites: one that sells, one that is small, one where nothing has happened yet."""
        return SITES

    async def known(self, question: Question, today: date) -> Known:
        """Make up what is asked for."""
        self.asked.append(question)
        if self.error is not None:
            raise self.error
        return self.now(question, today)

    def now(self, question: Question, today: date = TODAY) -> Known:
        """Make it up."""
        makers: dict[str, Callable[[Span], Report]] = {"ullvik": self._busy, "outlet": self._small}
        make = makers.get(question.site, empty)
        before = question.before
        if before is not None and (today - before.first).days > self.kept.keep_days:
            before = None
        known = Known(
            self.kept,
            Shop(question.site, SITES[question.site], VENDORS),
            list(SITES),
            today,
            replace(make(question.span), event=question.event, site=question.site),
            make(before) if before is not None else None,
            STANDING if question.site == "ullvik" else Standing(),
        )
        return known if self.change is None else self.change(known)

    def _busy(self, span: Span) -> Report:
        return made_up(span, None, self.mean, many=210 if span.length > 200 else 0)

    def _small(self, span: Span) -> Report:
        return made_up(span, None, 0.7)


def asking(lang: str = "en", **query: str) -> Question:
    """Return a question about the shop as it is asked by a query."""
    return read_question(query, SITES, TODAY, lang)


def noon() -> float:
    """Return a moment of ``TODAY``, Unix seconds."""
    return datetime(TODAY.year, TODAY.month, TODAY.day, 12, tzinfo=UTC).timestamp()


class Listener:
    """``async with Listener(source) as listener``: an admin listener with the dashboard, at ``listener.url``.

    Args:
        source: the numbers.
        token: the admin token; the listener then behaves as one that others can reach.
        user_header: see ``[dashboard]``.
        proxies: the trusted ones.
    """

    def __init__(
        self,
        source: MadeUp | None = None,
        *,
        token: str = "",
        user_header: str = "",
        proxies: Sequence[str] = (),
    ) -> None:
        self.source = source or MadeUp()
        self.terms = Terms(Guard(token, loopback=not token), user_header, TrustedProxies(proxies), SECRET)
        self.url = ""
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        app = web.Application()
        Dashboard(lambda: Now(self.source, self.terms), noon).add_to(app)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        self._stack.push_async_callback(runner.cleanup)
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()
