"""Cases that schemathesis makes of ``docs/openapi.yaml``, sent to a server, and what is looked at in its answers.

Everything is made anew from the file in the same order each time: a case that fails in CI fails here too.
"""

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any, Final

from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.checks import CheckFunction, not_a_server_error
from schemathesis.config import GenerationConfig
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    positive_data_acceptance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from tests.support.openapi_file import Operation

ALWAYS: Final[Sequence[CheckFunction]] = (
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    unsupported_method,
)
TAKEN: Final = (*ALWAYS, positive_data_acceptance)
"""What fits the file is taken."""
REFUSED: Final = (*ALWAYS, negative_data_rejection)
"""What does not fit it is refused."""
KEY: Final = "an-ingest-key-of-the-shop"
_WITHIN_S: Final = 20


def send(case: Case[Any], url: str, headers: Mapping[str, str], checks: Sequence[CheckFunction]) -> None:
    """Send a case and look at its answer; ``headers`` overrule what was made."""
    case.call_and_validate(
        base_url=url, headers=dict(headers), checks=list(checks), timeout=_WITHIN_S, allow_redirects=False
    )


def boundary(
    operation: Operation,
    mode: GenerationMode,
    url: str,
    headers: Mapping[str, str],
    checks: Sequence[CheckFunction],
    most: int,
) -> int:
    """Send what lies on this side or the other of each limit of the file, at most so many; return how many."""
    cases = operation.schema.iter_coverage_cases(
        operation, generation_modes=[mode], generation_config=GenerationConfig()
    )
    sent = 0
    for case in islice(cases, most):
        send(case, url, headers, checks)
        sent += 1
    return sent


def drawn(
    operation: Operation,
    mode: GenerationMode,
    url: str,
    headers: Mapping[str, str],
    checks: Sequence[CheckFunction],
    most: int,
) -> int:
    """Send cases by chance, the same each time; return how many."""
    sent = 0

    @settings(
        max_examples=most,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, Phase.shrink],
    )
    @given(operation.as_strategy(generation_mode=mode))
    def one(case: Case[Any]) -> None:
        nonlocal sent
        sent += 1
        send(case, url, headers, checks)

    one()
    return sent
