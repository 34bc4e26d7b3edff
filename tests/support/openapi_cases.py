"""Cases that schemathesis makes of ``docs/openapi.yaml``, sent to a server, and what is looked at in its answers.

Everything is made anew from the file in the same order each time: a case that fails in CI fails here too. Schemathesis is
imported where it is used, as ``tests/support/openapi_file.py`` says.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from http.cookiejar import DefaultCookiePolicy
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import requests
from hypothesis import HealthCheck, Phase, given, settings

from tests.support.openapi_file import Mode, Place, operation

if TYPE_CHECKING:
    from schemathesis import Case
    from schemathesis.checks import CheckFunction

ALWAYS: Final[Sequence[str]] = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "unsupported_method",
)
"""Checks of schemathesis's, by their names."""
TAKEN: Final = (*ALWAYS, "positive_data_acceptance")
"""What fits the file is taken."""
REFUSED: Final = (*ALWAYS, "negative_data_rejection")
"""What does not fit it is refused."""
KEY: Final = "an-ingest-key-of-the-shop"
_WITHIN_S: Final = 20


@cache
def _session() -> requests.Session:
    """Return what keeps connections, and no cookie from one case to the next."""
    session = requests.Session()
    session.trust_env = False
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    return session


def functions(names: Sequence[str]) -> "list[CheckFunction]":
    """Return checks by their names."""
    from schemathesis.checks import not_a_server_error  # noqa: PLC0415 - see above
    from schemathesis.specs.openapi import checks  # noqa: PLC0415 - see above

    return [not_a_server_error if one == "not_a_server_error" else getattr(checks, one) for one in names]


def send(case: "Case[Any]", url: str, headers: Mapping[str, str], checks: Sequence[str]) -> None:
    """Send a case and look at its answer; ``headers`` overrule what was made."""
    case.call_and_validate(
        base_url=url,
        session=_session(),
        headers=dict(headers),
        checks=functions(checks),
        timeout=_WITHIN_S,
        allow_redirects=False,
    )


def boundary(
    place: Place, mode: Mode, url: str, headers: Mapping[str, str], checks: Sequence[str], most: int
) -> int:
    """Send what lies on this side or the other of each limit of the file, at most so many; return how many."""
    from schemathesis import GenerationMode  # noqa: PLC0415 - see above
    from schemathesis.config import GenerationConfig  # noqa: PLC0415 - see above

    found = operation(place.method, place.path, mode)
    cases = found.schema.iter_coverage_cases(
        found, generation_modes=[GenerationMode(mode)], generation_config=GenerationConfig()
    )
    sent = 0
    for case in islice(cases, most):
        send(case, url, headers, checks)
        sent += 1
    return sent


def drawn(
    place: Place, mode: Mode, url: str, headers: Mapping[str, str], checks: Sequence[str], most: int
) -> int:
    """Send cases by chance, the same each time; return how many."""
    from schemathesis import GenerationMode  # noqa: PLC0415 - see above

    sent = 0

    @settings(
        max_examples=most,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, Phase.shrink],
    )
    @given(operation(place.method, place.path, mode).as_strategy(generation_mode=GenerationMode(mode)))
    def one(case: "Case[Any]") -> None:
        nonlocal sent
        sent += 1
        send(case, url, headers, checks)

    one()
    return sent
