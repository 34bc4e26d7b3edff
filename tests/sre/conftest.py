"""Tests of what SREs get: rules, alerts, runbooks, dashboards. Those that need Prometheus are skipped where there is none.

`make test` installs it where that is allowed, and else names at its end what did not run (tools/ensure_prometheus.sh).
"""

import shutil

import pytest

from tests.support.watching import WITHOUT


@pytest.fixture(scope="session")
def tools() -> None:
    """Require Prometheus and promtool."""
    if shutil.which("prometheus") is None or shutil.which("promtool") is None:
        pytest.skip(WITHOUT)
