"""``/consent``: the visitor's own state, told, changed and withdrawn."""

import re
from dataclasses import dataclass, replace

from aiohttp import web

from proxy.consent import Record, Unreadable, combine
from proxy.gateway.answers import RefusedError, as_json, no_content
from proxy.gateway.body import read_json
from proxy.gateway.call import Call
from proxy.gateway.consent_export import Exports, by_name
from proxy.gateway.cookies import Cookies, keep
from proxy.identity import is_refusal
from proxy.parse import NEWEST_MS, InvalidInputError, parse_signals
from proxy.reasons import Fault, Reason
from proxy.remember import Remember, Statement
from proxy.signals import ALL_UNKNOWN, SIGNALS, Signals, Value
from proxy.sources.heard import Heard
from proxy.store.client import Store
from proxy.store.consents import Consents
from proxy.store.erasure import erase_keys, kept_s

_SIGNAL_NAMES = frozenset(SIGNALS)
_KEYS = _SIGNAL_NAMES | {"source", "decided_at", "proof"}
_SOURCE = re.compile(r"[A-Za-z0-9_.:/ -]{1,64}\Z")
_NOT_LISTED = "only a listed page of the site may grant"
_NOT_ERASED = "everything is withdrawn; only a listed page of the site may have it erased"
_NOT_SHOWN = "only a listed page of the site may have the export"


@dataclass(frozen=True, slots=True)
class ConsentApi:
    """The consent routes of all sites."""

    consents: Consents
    remember: Remember
    exports: Exports
    store: Store

    async def post(self, call: Call) -> web.StreamResponse:
        """Apply what the visitor states.

        Raises:
            RefusedError: it cannot be understood, or comes from a page that may not grant.
            StoreUnavailableError: it is not stored.
        """
        statement = parse_statement(await read_json(call.request), now_ms=call.now_ms, gpc=call.gpc)
        cookies = call.cookies()
        if not call.listed:
            _refuse_grant(call, cookies, refusal=is_refusal(statement.signals))
        if statement.signals is ALL_UNKNOWN:
            return no_content(call.headers)
        if is_refusal(statement.signals):
            await self._withdraw_all(call, cookies)
        statement = replace(statement, heard=cookies.heard, doubted=doubted(statement.signals, cookies.heard))
        remembered = await self.remember.apply(
            call.site, cookies.visitor, cookies.refusal, statement, call.now_ms
        )
        keep(call.headers, call.site, cookies, remembered, call.now_ms, call.host)
        return no_content(call.headers)

    async def delete(self, call: Call) -> web.StreamResponse:
        """Withdraw everything; with ``?erase=1`` also erase what is held, which the sweep of the outboxes ends.

        Raises:
            RefusedError: it comes from elsewhere and names no visitor, or asks for an erasure.
            StoreUnavailableError: it is not stored.
        """
        cookies = call.cookies()
        if not call.listed:
            _refuse_grant(call, cookies, refusal=True)
        await self._withdraw_all(call, cookies)
        remembered = await self.remember.withdraw(
            call.site, cookies.visitor, call.now_ms, source="withdrawal", gpc=call.gpc
        )
        if call.request.query.get("erase") == "1":
            if not call.listed:
                raise RefusedError(Fault.ORIGIN, _NOT_ERASED)
            if cookies.visitor is not None:
                keep_s = kept_s(call.site.cookie.longest_s)
                await erase_keys(self.store, call.site.name, cookies.visitor.id, keep_s=keep_s)
        keep(call.headers, call.site, cookies, remembered, call.now_ms, call.host)
        return no_content(call.headers)

    async def _withdraw_all(self, call: Call, cookies: Cookies) -> None:
        """End every id that is named where there is no telling whose the refusal is: each may have entries waiting."""
        for visitor in cookies.named():
            await self.remember.withdraw(call.site, visitor, call.now_ms, source="withdrawal", gpc=call.gpc)

    async def get(self, call: Call) -> web.StreamResponse:
        """Tell the visitor their own state; sets nothing.

        Raises:
            RefusedError: a page from elsewhere asks for the export.
            StoreUnavailableError: it cannot be read now.
        """
        export = call.request.query.get("export") == "1"
        if export and "Origin" in call.request.headers and not call.listed:
            raise RefusedError(Fault.ORIGIN, _NOT_SHOWN)
        cookies = call.cookies()
        record: Record | Unreadable | None = None
        if cookies.visitor is not None:
            found = (await self.consents.read_many([(call.site.name, cookies.visitor.id)]))[0]
            record = found.record
        state = combine(
            record,
            cookies.refusal,
            ALL_UNKNOWN,
            gpc=False,
            now_ms=call.consent_ms,
            max_age_ms=call.site.policy.consent_max_age_ms,
        )
        answer = by_name(state.signals)
        if (state.source and state.source != "event") or isinstance(record, Record):
            gpc = isinstance(record, Record) and record.gpc
            answer |= {"source": state.source, "decided_at": state.decided_at, "gpc": gpc}
        expired = [
            signal for signal, why in zip(SIGNALS, state.why, strict=True) if why is Reason.CONSENT_EXPIRED
        ]
        if expired:
            answer["expired"] = expired
        if export:
            answer["held"] = await self.exports.held(call, cookies)
        return as_json(answer, call.headers)


def parse_statement(raw: object, *, now_ms: int, gpc: bool) -> Statement:
    """Read a consent statement strictly: an unknown key or value is an error, never silence.

    Raises:
        RefusedError: it cannot be understood.
    """
    if not isinstance(raw, dict):
        raise RefusedError(Fault.TYPE, "a consent state is an object")
    if not raw.keys() <= _KEYS:
        raise RefusedError(Fault.TYPE, f"a key is none of {', '.join(sorted(_KEYS))}")
    try:
        signals = parse_signals({key: raw[key] for key in raw if key in _SIGNAL_NAMES})
    except InvalidInputError as error:
        raise RefusedError(Fault.TYPE, error.detail) from None
    source = raw.get("source", "page")
    if not isinstance(source, str) or not _SOURCE.match(source):
        raise RefusedError(Fault.TYPE, "source: at most 64 letters, digits and ._:/-")
    proof = raw.get("proof", "")
    if not isinstance(proof, str) or len(proof) > 256:
        raise RefusedError(Fault.TYPE, "proof: a text of at most 256 characters")
    decided_at = raw.get("decided_at", now_ms)
    if type(decided_at) is float and decided_at.is_integer():  # JSON has one kind of number: 1.0 is 1
        decided_at = int(decided_at)
    if isinstance(decided_at, bool) or not isinstance(decided_at, int) or decided_at <= 0:
        raise RefusedError(Fault.TIMESTAMP, "decided_at: Unix time in milliseconds")
    if decided_at > now_ms + NEWEST_MS:
        raise RefusedError(Fault.TIMESTAMP, "decided_at: at most 5 minutes ahead")
    return Statement(signals, decided_at, source, proof, gpc)


def _refuse_grant(call: Call, cookies: Cookies, *, refusal: bool) -> None:
    """Let a pure refusal with the visitor's own cookie pass from anywhere; nothing else does."""
    if not refusal or not (cookies.ids or cookies.refusal is not None):
        raise RefusedError(Fault.ORIGIN, _NOT_LISTED)


def doubted(stated: Signals, heard: Heard) -> frozenset[int]:
    """Return the positions of granted signals that the banner's own cookies, in the same request, do not bear out.

    They deny them, or cannot be understood. Such a grant may be a first decision, but raises no denial.
    """
    words = heard.speak()
    if not words:
        return frozenset()
    readable = all(word.said.readable for word in words)
    return frozenset(
        position
        for position, value in enumerate(stated.values())
        if value is Value.GRANTED
        and (not readable or any(word.said.signals.values()[position] is Value.DENIED for word in words))
    )
