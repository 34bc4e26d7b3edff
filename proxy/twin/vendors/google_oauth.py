"""Google's token endpoint: service accounts' signed assertions and refresh tokens.

Source: Google, OAuth 2.0 for server to server applications and for web server applications.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from proxy.twin.reply import Reply, json_reply, method_not_allowed
from proxy.twin.request import TwinRequest
from proxy.twin.rules.jwt import JwtError, check_claims, check_signature, decode
from proxy.twin.vendor import Grant, World

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
LIFETIME = 3599
"""What Google writes into ``expires_in``, seconds."""
MAX_GRANTS = 10_000

_SCOPE_PREFIX = "https://www.googleapis.com/auth/"
_DEFAULT_SCOPE = _SCOPE_PREFIX + "datamanager"
_SCOPES = frozenset(
    _SCOPE_PREFIX + name
    for name in ("datamanager", "adwords", "ddmconversions", "analytics.edit", "cloud-platform")
)


class GoogleOauth:
    """Issues access tokens that the other Google services of this twin then accept.

    ``ids`` in its settings are the service accounts (or client ids) that exist, ``tokens`` the good refresh tokens;
    ``public_keys`` maps a service account to the PEM its assertions must be signed for. Without one they are only
    decoded.
    """

    names = frozenset({"google_oauth"})
    options: Mapping[str, type] = {"public_keys": dict}

    def __init__(self, world: World) -> None:
        self._world = world

    def vendor_of(self, request: TwinRequest) -> str | None:
        """Claims the token address."""
        if request.host == "oauth2.googleapis.com" and request.path == "/token":
            return "google_oauth"
        return None

    def answer(self, request: TwinRequest) -> Reply:
        """Answers a token request."""
        if request.method != "POST":
            return method_not_allowed("POST")
        form = dict(request.form)
        try:
            return self._issue(self._scopes(form))
        except JwtError as error:
            status = 401 if error.error in {"invalid_client", "unauthorized_client"} else 400
            body = {"error": error.error, "error_description": error.description}
            return json_reply(status, body, errors=[error.error])

    def failure(self, status: int) -> Reply:
        """Google's short form: what a client may retry, and what it may not."""
        error = {400: "invalid_grant", 401: "invalid_client", 403: "unauthorized_client"}.get(status)
        if error is None:
            error = "temporarily_unavailable" if status in {408, 429, 503} else "internal_failure"
        return json_reply(
            status, {"error": error, "error_description": "Asked for by a fault."}, errors=[error]
        )

    def _scopes(self, form: Mapping[str, str]) -> frozenset[str]:
        grant_type = form.get("grant_type", "")
        if grant_type == JWT_BEARER:
            return self._service_account(form.get("assertion", ""))
        if grant_type == "refresh_token":
            return self._refresh(form)
        if not grant_type:
            raise JwtError("invalid_request", "Required parameter is missing: grant_type")
        raise JwtError("unsupported_grant_type", "Invalid grant_type: " + grant_type[:100])

    def _service_account(self, token: str) -> frozenset[str]:
        assertion = decode(token)
        check_claims(assertion, self._world.clock())
        scope = assertion.claims.get("scope")
        scopes = frozenset(scope.split()) if isinstance(scope, str) else frozenset()
        if not scopes or not scopes <= _SCOPES:
            raise JwtError("invalid_scope", "Invalid OAuth scope or ID token audience provided.")
        if not self._world.knows_id("google_oauth", assertion.issuer):
            raise JwtError("invalid_grant", "Invalid grant: account not found")
        keys: Mapping[str, Any] = self._world.of("google_oauth").options.get("public_keys", {})
        if assertion.issuer in keys:
            check_signature(assertion, str(keys[assertion.issuer]))
        return scopes

    def _refresh(self, form: Mapping[str, str]) -> frozenset[str]:
        if not form.get("client_secret") or not self._world.knows_id(
            "google_oauth", form.get("client_id", "")
        ):
            raise JwtError("invalid_client", "The OAuth client was not found.")
        if not self._world.knows_token("google_oauth", form.get("refresh_token", "")):
            raise JwtError("invalid_grant", "Token has been expired or revoked.")
        return frozenset({_DEFAULT_SCOPE})

    def _issue(self, scopes: frozenset[str]) -> Reply:
        token = "ya29.twin-" + secrets.token_urlsafe(24)
        grants = self._world.grants
        grants[token] = Grant(self._world.clock() + LIFETIME, scopes)
        if len(grants) > MAX_GRANTS:
            del grants[next(iter(grants))]
        return json_reply(
            200,
            {
                "access_token": token,
                "expires_in": LIFETIME,
                "scope": " ".join(sorted(scopes)),
                "token_type": "Bearer",
            },
        )


def create(world: World) -> GoogleOauth:
    """Make the service for one twin."""
    return GoogleOauth(world)
