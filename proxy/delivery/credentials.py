"""What authentication adds to a request, and the adding of it. After the egress check, and nowhere else."""

import re
from dataclasses import dataclass, field

import orjson

from forwarders.auth import Auth, BearerAuth, BodyAuth, NoAuth, QueryAuth, ServiceAccountAuth
from forwarders.base import Request
from forwarders.verdicts import Pause, Retry
from proxy.delivery.oauth import TokenSource
from proxy.delivery.transport import Outgoing

_PLAIN_TEXT = "text/plain;charset=UTF-8"
_UNFIT = re.compile(r"[^\x20-\x7e]")


class CredentialError(Exception):
    """There is nothing to authenticate with now. ``verdict`` says whether that passes or needs an operator."""

    def __init__(self, verdict: Pause | Retry) -> None:
        super().__init__(verdict.words)
        self.verdict = verdict


@dataclass(frozen=True, slots=True, repr=False)
class Credential:
    """What is added: to the query, to the headers, and to the JSON object that is the body.

    ``member`` ends that object: a member and the closing brace. ``token`` is set where it can be renewed.
    """

    query: tuple[tuple[str, str], ...] = ()
    headers: dict[str, str] = field(default_factory=dict)
    member: bytes = b""
    token: str | None = None


NOTHING = Credential()


class Credentials:
    """How one forwarder's requests of one mode authenticate.

    Args:
        auth: what the forwarder declares.
        tokens: where tokens come from, if it declares a service account.
    """

    def __init__(self, auth: Auth, tokens: TokenSource | None) -> None:
        self._tokens = tokens if isinstance(auth, ServiceAccountAuth) else None
        self._fixed = _fixed(auth)

    async def get(self) -> Credential:
        """Return what to add, from a token fetched just now if need be.

        Raises:
            CredentialError: there is none.
        """
        if self._tokens is None:
            if isinstance(self._fixed, Pause):
                raise CredentialError(self._fixed)
            return self._fixed
        token = await self._tokens.get()
        if not isinstance(token, str):
            raise CredentialError(token)
        return Credential(headers={"Authorization": f"Bearer {token}"}, token=token)

    def renew(self, credential: Credential) -> bool:
        """Have the next token fetched anew, as the vendor refused this one; False if there is nothing to renew."""
        if self._tokens is None or credential.token is None:
            return False
        self._tokens.refuse(credential.token)
        return True


def _fixed(auth: Auth) -> Credential | Pause:
    match auth:
        case NoAuth() | ServiceAccountAuth():
            return NOTHING
        case QueryAuth(name, secret):
            return Credential(query=((name, secret.reveal()),))
        case BodyAuth(name, secret):
            return Credential(member=orjson.dumps({name: secret.reveal()})[1:])
        case BearerAuth(secret):
            # A line break in it would make every request unsendable, which is not the events' fault.
            if _UNFIT.search(secret.reveal()):
                return Pause("the token holds characters that no HTTP header may hold")
            return Credential(headers={"Authorization": f"Bearer {secret.reveal()}"})


def outgoing(request: Request, body: bytes, credential: Credential) -> Outgoing:
    """Return a request as it leaves.

    Args:
        request: as the forwarder made it.
        body: its JSON or text; empty if there is none.
        credential: what authentication adds.
    """
    if not request.authenticated:
        credential = NOTHING
    headers = {**request.headers, **credential.headers}
    if body:
        headers["Content-Type"] = "application/json" if request.text is None else _PLAIN_TEXT
    if credential.member:
        # Put into the JSON as it stands, so that a megabyte is not written twice.
        body = (body[:-1] + b"," if len(body) > 2 else b"{") + credential.member
    return Outgoing(request.method, request.url, [*request.query, *credential.query], headers, body or None)
