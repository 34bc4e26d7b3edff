"""Access tokens for Google service accounts: a signed assertion is traded for a token, and the token kept until it ends.

Google: Using OAuth 2.0 for server to server applications.
"""

import asyncio
import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, urlencode

import orjson
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from forwarders.auth import ServiceAccountAuth
from forwarders.base import Response
from forwarders.verdicts import Pause, Retry
from proxy.delivery.backoff import delay_s, parse_date, retry_after_s
from proxy.delivery.clock import Clock
from proxy.delivery.transport import NoAnswer, Outgoing, Transport, Trouble, Unsendable, Withheld

TOKEN_URL: Final = "https://oauth2.googleapis.com/token"  # noqa: S105  # an address, not a token
_GRANT: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_LIFE_S: Final = 3600
"""Life of an assertion; Google allows no more."""
_EARLY_S: Final = (300.0, 360.0)
"""How long before its end a token is renewed: at a random moment between these, so that processes do not do it as one."""
_LONGEST_SILENCE_S: Final = 5.0
"""After a refusal nobody asks for so long, unless Google wants longer. When to try at all is the breaker's business."""
_SKEW_MS: Final = 30_000
"""Google: an assertion must have been made "in a reasonable timeframe". Clocks that differ by less are not to blame."""
_PASSING: Final = frozenset({"server_error", "temporarily_unavailable", "internal_failure"})


@dataclass(frozen=True, slots=True, repr=False)
class _Token:
    text: str
    renew_at: float
    ends_at: float


class TokenSource:
    """Tokens of one service account for one scope. However many ask at once, one request is made.

    Args:
        auth: the account's key and the scope.
        transport: the way out.
        clock: tells when a token ends.
        chance: returns random numbers in [0, 1).
    """

    def __init__(
        self, auth: ServiceAccountAuth, transport: Transport, clock: Clock, chance: Callable[[], float]
    ) -> None:
        self._auth = auth
        self._transport = transport
        self._clock = clock
        self._chance = chance
        self._token: _Token | None = None
        self._failures = 0
        self._refusal: Pause | Retry | None = None
        self._silent_until = 0.0
        self._one_at_a_time = asyncio.Lock()
        self._off_ms = 0
        """What is to be added to our clock to have Google's, as far as that has mattered."""

    async def get(self) -> str | Pause | Retry:
        """Return a token that is good for some minutes at least, or why there is none."""
        if (token := self._current(renewing=True)) is not None:
            return token
        async with self._one_at_a_time:
            if (token := self._current(renewing=True)) is not None:
                return token
            if self._refusal is None or self._clock.monotonic() >= self._silent_until:
                await self._fetch()
            # One that cannot be renewed yet still serves until it ends.
            token = self._current(renewing=False)
            if token is not None:
                return token
            return self._refusal or Retry("no token")

    def refuse(self, token: str) -> None:
        """Forget a token that the vendor has refused; a newer one stays."""
        if self._token is not None and self._token.text == token:
            self._token = None

    def _current(self, *, renewing: bool) -> str | None:
        token = self._token
        if token is None:
            return None
        now = self._clock.monotonic()
        waits = self._refusal is not None and now < self._silent_until
        return token.text if now < (token.renew_at if renewing and not waits else token.ends_at) else None

    async def _fetch(self) -> None:
        try:
            answer = await self._transport.send(self._request())
            if isinstance(answer, Response) and self._misdated(answer):
                answer = await self._transport.send(self._request())
        except (ValueError, TypeError, KeyError, UnsupportedAlgorithm):
            self._refuse(Pause("the service account's key cannot be used"))
            return
        match answer:
            case Response():
                self._read(answer)
            case NoAnswer(trouble):
                self._refuse(Retry(f"token: {trouble}"))
            case Withheld() | Unsendable():
                self._refuse(Retry(f"token: {Trouble.BROKEN}"))

    def _misdated(self, answer: Response) -> bool:
        """Tell whether an assertion was refused because our clock is not Google's; the next one goes by theirs."""
        json = answer.json if isinstance(answer.json, dict) else {}
        theirs_ms = parse_date(answer.headers.get("date", ""))
        if answer.status != 400 or json.get("error") != "invalid_grant" or theirs_ms is None:
            return False
        was_ms, self._off_ms = self._off_ms, theirs_ms - self._clock.now_ms()
        return abs(self._off_ms - was_ms) > _SKEW_MS

    def _read(self, answer: Response) -> None:
        json = answer.json if isinstance(answer.json, dict) else {}
        text, life = json.get("access_token"), json.get("expires_in")
        if answer.status == 200 and isinstance(text, str) and text.isascii() and text.isprintable() and text:
            seconds = float(life) if isinstance(life, int | float) else float(_LIFE_S)
            now = self._clock.monotonic()
            early = _EARLY_S[0] + (_EARLY_S[1] - _EARLY_S[0]) * self._chance()
            self._token = _Token(text, now + max(seconds - early, seconds / 2), now + seconds)
            self._refusal = None
            self._failures = 0
            return
        error = json.get("error")
        word = error if isinstance(error, str) and error.isidentifier() and len(error) < 60 else ""
        words = f"token: HTTP {answer.status} {word}".strip()
        status = answer.status
        if word in _PASSING or status in {408, 429} or status >= 500 or 200 <= status < 400:
            self._refuse(Retry(words, retry_after_s(answer.headers, self._clock.now_ms())))
        else:
            self._refuse(Pause(words))

    def _refuse(self, verdict: Pause | Retry) -> None:
        after = verdict.after if isinstance(verdict, Retry) else None
        self._refusal = verdict
        wait = min(delay_s(self._failures, None, self._chance()), _LONGEST_SILENCE_S)
        self._silent_until = self._clock.monotonic() + max(wait, after or 0.0)
        self._failures += 1

    def _request(self) -> Outgoing:
        now_s = (self._clock.now_ms() + self._off_ms) // 1000
        form = {"grant_type": _GRANT, "assertion": assertion(self._auth, now_s)}
        return Outgoing(
            "POST",
            TOKEN_URL,
            [],
            {"Content-Type": "application/x-www-form-urlencoded"},
            urlencode(form, quote_via=quote).encode(),
        )


def assertion(auth: ServiceAccountAuth, now_s: int) -> str:
    """Return the signed claim that we are that service account, for the next hour.

    Raises:
        ValueError: the key is no service account's.
        KeyError: likewise.
        TypeError: likewise.
        UnsupportedAlgorithm: likewise.
    """
    key = orjson.loads(auth.credentials.reveal())
    private = serialization.load_pem_private_key(key["private_key"].encode(), None)
    if not isinstance(private, rsa.RSAPrivateKey):
        raise TypeError("not an RSA key")
    header = {"alg": "RS256", "typ": "JWT"}
    if "private_key_id" in key:
        header["kid"] = key["private_key_id"]
    claims = {
        "iss": key["client_email"],
        "scope": auth.scope,
        "aud": TOKEN_URL,
        "iat": now_s,
        "exp": now_s + _LIFE_S,
    }
    signed = f"{_part(header)}.{_part(claims)}"
    signature = private.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
    return f"{signed}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def _part(value: Mapping[str, object]) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(value)).rstrip(b"=").decode()
