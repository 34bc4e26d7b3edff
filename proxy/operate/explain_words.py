"""What ``sayso explain`` says, in plain words. Pure."""

from typing import Final, assert_never

from proxy.audit.rows import Row
from proxy.operate.account import Account, Explained
from proxy.operate.shown import counted, length_of
from proxy.reasons import IN_WORDS, OUTCOMES_IN_WORDS, OutcomeReason, Reason
from proxy.signals import SIGNALS, Signals

_IN_MODE: Final = {"full": "in full", "cookieless": "cookieless (nothing in it names the visitor)"}


def told(explained: Explained) -> str:
    """Return all that is known of an event, a line for each forwarder."""
    decided = explained.decided
    if decided is None:
        lines = [f"{explained.site}: a repeat of an event that was received before"]
    else:
        lines = [
            f"{explained.site}: accepted {_at(decided)} under policy {decided.get('policy')}; {_consent(decided)}"
        ]
    lines += [
        f"{one.title or one.forwarder} ({one.forwarder}): {sentence(one)}" for one in explained.accounts
    ]
    return "\n".join(lines)


def described(explained: Explained) -> dict[str, object]:
    """Return all that is known of an event, for machines."""
    decided = explained.decided or {}
    return {
        "site": explained.site,
        "ref": explained.ref,
        "accepted": decided.get("t"),
        "signals": decided.get("signals"),
        "consent_source": decided.get("source"),
        "gpc": bool(decided.get("gpc")),
        "policy": decided.get("policy"),
        "consent": decided.get("consent"),
        "forwarders": [
            {
                "forwarder": one.forwarder,
                "title": one.title,
                "state": one.state,
                "decision": (one.decided or {}).get("decision"),
                "reason": (one.decided or {}).get("reason"),
                "signal": (one.decided or {}).get("signal"),
                "outcome_reason": (one.ended or {}).get("outcome_reason") or (one.ended or {}).get("reason"),
                "status": (one.ended or {}).get("status"),
                "words": sentence(one),
                "vendor_words": one.words,
                "repeats": one.repeats,
                "tries": one.tries,
                "next_in_seconds": one.next_in_s,
                "forwarder_state": one.forwarder_state,
                "dead_letter": one.dead_letter or None,
                "rows": one.rows,
            }
            for one in explained.accounts
        ],
    }


def sentence(account: Account) -> str:
    """Return what became of an event at one forwarder, and why."""
    if account.decided is None:
        return f"not sent, because {IN_WORDS[Reason.DUPLICATE]}"
    text = _fate(account, account.decided)
    if any(row.get("kind") == "again" for row in account.rows):
        text += "; it was sent again by an operator"
    if account.repeats:
        text += f"; {counted(account.repeats, 'repeat of it was', 'repeats of it were')} not sent"
    return text


def _fate(account: Account, decided: Row) -> str:
    why, ended = _why(account, decided), account.ended
    match account.state:
        case "pending":
            return f"waits to be sent {_mode(account, decided)}, {why}{_pending(account)}"
        case "delivered":
            return (
                f"sent {_mode(account, decided)} {_at(ended)}, {why}; the vendor accepted it{_status(ended)}"
            )
        case "rejected":
            said = f": {account.words}" if account.words else ""
            reason = OUTCOMES_IN_WORDS[OutcomeReason(str((ended or {}).get("reason")))]
            return f"was to be sent {_mode(account, decided)}, {why}; {_at(ended)} {reason}{_status(ended)}{said}"
        case "expired":
            return f"was to be sent {_mode(account, decided)}, {why}; not delivered: {_ending(ended)}{_tried(ended)}"
        case "dropped":
            return _dropped(decided, ended, why)
        case _:
            assert_never(account.state)


def _dropped(decided: Row, ended: Row | None, why: str) -> str:
    if decided.get("decision") == "drop":
        return f"not sent, {why}"
    mode = _IN_MODE.get(str(decided.get("decision")), "")
    return f"was to be sent {mode}, {why}; not sent: {_ending(ended)}{_tried(ended)}"


def _why(account: Account, decided: Row) -> str:
    text = f"because {IN_WORDS[Reason(str(decided.get('reason')))]}"
    if decided.get("signal"):
        text += f" (missing: {decided['signal']})"
    lowered = account.lowered
    if lowered is not None:
        text += (
            f"; what it had more it lost {_at(lowered)}, when {OUTCOMES_IN_WORDS[OutcomeReason.WITHDRAWN]}"
        )
    return text


def _mode(account: Account, decided: Row) -> str:
    mode = "cookieless" if account.lowered is not None else str(decided.get("decision"))
    return _IN_MODE.get(mode, mode)


def _ending(ended: Row | None) -> str:
    row = ended or {}
    return OUTCOMES_IN_WORDS[OutcomeReason(str(row.get("outcome_reason") or row.get("reason")))]


def _pending(account: Account) -> str:
    text = ""
    if account.tries:
        text += f"; tried {counted(account.tries, 'time', 'times')}"
    if account.next_in_s is not None:
        text += f"; next try in {length_of(account.next_in_s)}"
    if account.forwarder_state:
        text += f"; the forwarder is {account.forwarder_state}"
        text += f": {account.words}" if account.words else ""
    return text


def _status(row: Row | None) -> str:
    status = (row or {}).get("status")
    return f" (HTTP {status})" if status else ""


def _tried(row: Row | None) -> str:
    tries = (row or {}).get("tries")
    return f", after {counted(tries, 'attempt', 'attempts')}" if isinstance(tries, int) and tries else ""


def _at(row: Row | None) -> str:
    time = str((row or {}).get("t", ""))
    return f"at {time[:10]} {time[11:16]} UTC"


def _consent(decided: Row) -> str:
    signals = Signals.from_code(str(decided.get("signals")))
    said = ", ".join(
        f"{name.value} {value.value}" for name, value in zip(SIGNALS, signals.values(), strict=True)
    )
    source = decided.get("source")
    text = f"consent: {said}"
    text += f" (by {source})" if source not in {None, "none"} else " (nobody has said anything)"
    return text + ("; the browser sent Global Privacy Control" if decided.get("gpc") else "")
