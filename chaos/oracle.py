"""What consent allows, written down once more from the contract, without a line of the product's. Pure.

A state is four letters (g granted, d denied, u unknown) in the order of ``words.SIGNALS``, and whether the ad signals
were granted while the browser sent Global Privacy Control. As an answer may be lost, a visitor has a *set* of possible
states.
"""

from dataclasses import dataclass, replace

from chaos.words import HAS_PING, NEEDS, Fate, Vendor

NOTHING = "uuuu"


@dataclass(frozen=True, slots=True)
class State:
    """What the site may know of a visitor."""

    letters: str = NOTHING
    with_gpc: bool = False

    @property
    def has_basis(self) -> bool:
        """Whether the visitor may have an id (contract, section 5, remembering)."""
        return "g" in self.letters[:2]


def told(state: State, stated: str, *, gpc: bool) -> State:
    """Return the state after a statement of ``POST /consent``; a ``-`` in it says nothing of that signal."""
    letters = "".join(new if new != "-" else old for old, new in zip(state.letters, stated, strict=True))
    with_gpc = gpc if "g" in stated[1:] else state.with_gpc
    after = State(letters, with_gpc)
    # Without a basis nothing but refusals is remembered: there is no id to which a grant could belong.
    return after if after.has_basis else replace(after, letters=letters.replace("g", "u"))


def told_late(state: State, stated: str, *, gpc: bool) -> State:
    """Return the state if an older statement takes effect only now: its denials apply, its grants lift no denial."""
    kept = "".join(
        "-" if new == "g" and old == "d" else new for old, new in zip(state.letters, stated, strict=True)
    )
    return told(state, kept, gpc=gpc)


def for_event(state: State, own: str, *, gpc: bool) -> tuple[str, State]:
    """Return the letters that one event is decided on, and the state after it.

    Args:
        state: what is known of the visitor.
        own: the event's own ``consent``, four letters (u: says nothing).
        gpc: whether the request carried ``Sec-GPC: 1``.
    """
    letters = list(state.letters)
    for at, said in enumerate(own):
        if said == "d" or (said == "g" and letters[at] == "u"):
            letters[at] = said
        if gpc and at > 0 and not (state.with_gpc and state.letters[at] == "g" and letters[at] == "g"):
            letters[at] = "d"
    decided = "".join(letters)
    if "g" not in decided[:2]:
        return decided, state
    # The first grant is remembered, whatever source brings it; only what was unknown is filled in.
    filled = "".join(
        "g" if said == "g" and now == "g" and before == "u" else before
        for before, said, now in zip(state.letters, own, decided, strict=True)
    )
    # Under GPC no ad signal is granted by an event, so one that is filled in was granted without it.
    return decided, State(filled, state.with_gpc and filled[1:] == state.letters[1:])


def fate(letters: str, vendor: Vendor, name: str, *, identified: bool) -> Fate:
    """Return what becomes of an event at one forwarder (contract, section 6, preset ``consent-mode``)."""
    if vendor is Vendor.ADS and name != "purchase":
        return Fate.DROP  # no conversion action is configured for any other
    may = all(letters[at] == "g" for at in NEEDS[vendor])
    if may and (vendor is not Vendor.ADS or identified):
        return Fate.FULL
    return Fate.PING if vendor in HAS_PING else Fate.DROP


def after_denial(vendor: Vendor) -> Fate:
    """Return what may become of a full event that is taken back while it waits."""
    return Fate.PING if vendor in HAS_PING else Fate.GONE
