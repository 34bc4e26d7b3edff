#!/bin/sh
# The browser tests look for barriers on the dashboard with axe, from the npm package that tests/browser/axe pins by hash.
# Without arguments: install it if it is missing, where there is npm. With --report: say which tests did not run for want
# of it, and how to get it. Never fails: every other test runs without it.
set -u
cd "$(dirname "$0")/../tests/browser/axe" || exit 0
there() { cmp -s package-lock.json node_modules/.installed; }

if [ "${1:-}" = "--report" ]; then
    if ! there; then
        echo "NOT RUN: the search for barriers on the dashboard (tests/browser), because axe is not installed. To run it:"
        echo "    apt-get update && apt-get install -y --no-install-recommends npm; sh tools/ensure_axe.sh"
    fi
    exit 0
fi
if ! there && command -v npm >/dev/null 2>&1; then
    echo "Installing axe into tests/browser/axe by npm for its tests (once)"
    log=$(mktemp)
    if npm ci --ignore-scripts --no-audit --no-fund >"$log" 2>&1; then
        cp package-lock.json node_modules/.installed
    else
        echo "!!! It could not be installed; npm's last words:" >&2
        tail -n 3 "$log" >&2
    fi
    rm -f "$log"
fi
exit 0
