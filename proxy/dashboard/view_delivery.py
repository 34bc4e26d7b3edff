"""What became of the conversions at each vendor: an account that adds up, reasons in plain words, match keys. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from proxy.dashboard.figures import Part, share_bar, swatch
from proxy.dashboard.known import Known, Refusals
from proxy.dashboard.numbers import Writing
from proxy.dashboard.small import Reasons, reasons
from proxy.dashboard.words import Said
from proxy.reasons import Outcome, OutcomeReason, Reason
from proxy.report.model import Funnel

_ALIASES: Final = {
    "em": "email",
    "ph": "phone",
    "fn": "first_name",
    "ln": "last_name",
    "ct": "city",
    "zp": "postal_code",
    "anonymousId": "anonymous_id",
}
"""Vendors' own names of keys that we know by a plainer one."""
_ENDINGS: Final = (
    (Outcome.REJECTED, "rejected"),
    (Outcome.EXPIRED, "expired"),
    (Outcome.DROPPED, "later"),
)


@dataclass(frozen=True, slots=True)
class Cause:
    """Why so many ended so, and what to do about it."""

    what: str
    count: str
    todo: str


@dataclass(frozen=True, slots=True)
class Step:
    """A part of an account: how many, which share, and why."""

    kind: str
    swatch: Markup
    label: str
    count: str
    share: str
    causes: Sequence[Cause] = ()


@dataclass(frozen=True, slots=True)
class Key:
    """How many full entries had a key."""

    label: str
    count: str
    share: str
    figure: Markup


@dataclass(frozen=True, slots=True)
class Vendor:
    """One vendor's account."""

    id: str
    title: str
    sum: str
    none: str
    received: Markup
    decided: Sequence[Step]
    entries: str
    sent: Markup | None
    ended: Sequence[Step]
    words: Sequence[tuple[str, str]]
    words_title: str
    words_more: str
    words_gone: str
    keys_note: str
    keys: Sequence[Key]


def vendors(known: Known, said: Said, writing: Writing) -> list[Vendor]:
    """Return each vendor's account."""
    return [
        _vendor(at, funnel, known, said, writing) for at, funnel in enumerate(known.report.funnels, start=1)
    ]


def title_of(known: Known, name: str, said: Said) -> str:
    """Return what a forwarder is called on the page: the vendor, and its own name if that is another."""
    title = known.shop.vendors.get(name)
    if title is None:
        return f"{name} ({said['delivery']['removed']})"
    plain = title.lower().replace(" ", "_")
    alike = [one for one in known.shop.vendors.values() if one == title]
    return title if len(alike) == 1 or plain == name else f"{title} ({name})"


def _vendor(at: int, funnel: Funnel, known: Known, said: Said, writing: Writing) -> Vendor:
    text = said["delivery"]
    title = title_of(known, funnel.forwarder, said)
    dropped = sum(funnel.dropped.values())
    entries = funnel.full + funnel.cookieless
    numbers = {"full": funnel.full, "cookieless": funnel.cookieless, "dropped": dropped}
    decided = {key: writing.count(number) for key, number in numbers.items()}
    refusals = known.standing.refusals.get(funnel.forwarder, Refusals())
    refused = funnel.ended(Outcome.REJECTED)
    return Vendor(
        id=f"vendor-{at}",
        title=title,
        sum=text["sum"].format(received=writing.count(funnel.received), **decided),
        none="" if funnel.received else text["no_received"],
        received=share_bar(
            [Part(kind, number, f"{text[kind]}: {decided[kind]}") for kind, number in numbers.items()],
            text["figure_received"].format(vendor=title, **decided),
        ),
        decided=[
            Step(
                kind,
                swatch(kind),
                text[kind],
                decided[kind],
                writing.share(number, funnel.received),
                _causes(funnel.dropped, known.rules.smallest, said, writing) if kind == "dropped" else (),
            )
            for kind, number in numbers.items()
        ],
        entries=(
            text["entries"].format(entries=writing.count(entries))
            if entries
            else text["no_entries"].format(vendor=title)
        ),
        sent=_sent(funnel, title, said, writing) if entries else None,
        ended=_ended(funnel, title, known, said, writing) if entries else (),
        words=[
            (words, text["words_times"].format(count=writing.count(count))) for words, count in refusals.words
        ],
        words_title=text["words"].format(vendor=title),
        words_more=text["words_more"].format(looked=writing.count(refusals.looked)) if refusals.more else "",
        words_gone=text["words_gone"].format(vendor=title) if refused and not refusals.words else "",
        keys_note=text["keys_note"].format(full=writing.count(funnel.full), vendor=title),
        keys=_keys(funnel, said, writing),
    )


def _sent(funnel: Funnel, title: str, said: Said, writing: Writing) -> Markup:
    text = said["delivery"]
    numbers = {
        "delivered": funnel.ended(Outcome.DELIVERED),
        "waiting": funnel.waiting,
        **{kind: funnel.ended(outcome) for outcome, kind in _ENDINGS},
    }
    labels = {
        kind: text["accepted" if kind == "delivered" else kind].format(vendor=title) for kind in numbers
    }
    written = {kind: writing.count(number) for kind, number in numbers.items()}
    name = text["figure_sent"].format(vendor=title, **(written | {"dropped": written["later"]}))
    return share_bar(
        [Part(kind, number, f"{labels[kind]}: {written[kind]}") for kind, number in numbers.items()], name
    )


def _ended(funnel: Funnel, title: str, known: Known, said: Said, writing: Writing) -> list[Step]:
    """Return what became of the entries; what did not happen to any is left out, but for being accepted."""
    text, entries = said["delivery"], funnel.full + funnel.cookieless
    delivered, waiting = funnel.ended(Outcome.DELIVERED), funnel.waiting

    def step(kind: str, label: str, number: int, causes: Sequence[Cause] = ()) -> Step:
        return Step(kind, swatch(kind), label, writing.count(number), writing.share(number, entries), causes)

    found = [step("delivered", text["accepted"].format(vendor=title), delivered)]
    if waiting:
        cause = Cause("", writing.count(waiting), text["waiting_do"])
        found.append(step("waiting", text["waiting"], waiting, [cause]))
    for outcome, kind in _ENDINGS:
        if number := funnel.ended(outcome):
            whys = {why: n for (how, why), n in funnel.outcomes.items() if how is outcome}
            causes = _causes(whys, known.rules.smallest, said, writing)
            found.append(step(kind, text[kind].format(vendor=title), number, causes))
    return found


def _causes(
    counts: Reasons,
    smallest: int,
    said: Said,
    writing: Writing,
) -> list[Cause]:
    """Return reasons in plain words, the commonest first."""
    found = []
    for why, number in reasons(counts, smallest):
        words = said["delivery"]["no_consent"] if why is None else plain(why, said)
        found.append(Cause(words["what"].format(smallest=smallest), writing.count(number), words["do"]))
    return found


def plain(why: OutcomeReason | Reason, said: Said) -> Mapping[str, str]:
    """Return a reason in plain words (``what``) and what to do about it (``do``)."""
    found: Mapping[str, str] = said["outcomes" if isinstance(why, OutcomeReason) else "reasons"][why.value]
    return found


def _keys(funnel: Funnel, said: Said, writing: Writing) -> list[Key]:
    ordered = sorted(
        ((name, n) for name, n in funnel.keys.items() if n), key=lambda pair: (-pair[1], pair[0])
    )
    found = []
    for name, number in ordered:
        plain_name = _ALIASES.get(name, name)
        label = said["keys"].get(plain_name, name)
        parts = [Part("full", number, ""), Part("none", max(funnel.full - number, 0), "")]
        share = writing.share(number, funnel.full)
        found.append(Key(label, writing.count(number), share, share_bar(parts, f"{label}: {share}")))
    return found
