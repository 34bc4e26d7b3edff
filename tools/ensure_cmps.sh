#!/bin/sh
# Some browser tests visit pages with real consent platforms: tests/browser/cmps/package-lock.json pins them by hash. Without
# arguments: install them if they are missing, where there are node and npm. With --report: say which tests did not run for
# want of them, and how to get them. Never fails: every other test runs without node, and stand-ins of the platforms that
# cannot be installed are visited in any case.
set -u
cd "$(dirname "$0")/.." || exit 0
install="npm ci --ignore-scripts --no-audit --no-fund"
folder=tests/browser/cmps

missing() {
    ! cmp -s "$folder/package-lock.json" "$folder/node_modules/.installed"
}

if [ "${1:-}" = "--report" ]; then
    if ! command -v node >/dev/null 2>&1; then
        echo "NOT RUN: the tests with real consent platforms ($folder), because there is no node here. To run them:"
        echo "    apt-get update && apt-get install -y --no-install-recommends nodejs npm; sh tools/ensure_cmps.sh"
    elif missing; then
        echo "NOT RUN: the tests with real consent platforms ($folder), which are not installed. To run them:"
        echo "    sh tools/ensure_cmps.sh   # needs npm"
    fi
    exit 0
fi
if command -v node >/dev/null 2>&1 && command -v npm >/dev/null 2>&1 && missing; then
    echo "Installing the consent platforms of $folder by npm for their tests (once)"
    log=$(mktemp)
    if (cd "$folder" && $install) >"$log" 2>&1; then
        cp "$folder/package-lock.json" "$folder/node_modules/.installed"
    else
        echo "!!! They could not be installed; npm's last words:" >&2
        tail -n 3 "$log" >&2
    fi
    rm -f "$log"
fi
exit 0
