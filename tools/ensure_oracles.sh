#!/bin/sh
# Some tests compare our decoders with reference decoders that are written in JavaScript: each folder of tests/oracles with
# a package-lock.json names one, pinned by hash. Without arguments: install those that are missing, where there are node and
# npm. With --report: say which tests did not run for want of them, and how to get them. Never fails: every other test runs
# without node, and readings recorded from the references are compared in any case.
set -u
cd "$(dirname "$0")/.." || exit 0
install="npm ci --ignore-scripts --no-audit --no-fund"

missing() {
    for lock in tests/oracles/*/package-lock.json; do
        folder=$(dirname "$lock")
        cmp -s "$lock" "$folder/node_modules/.installed" || echo "$folder"
    done
}

if [ "${1:-}" = "--report" ]; then
    if ! command -v node >/dev/null 2>&1; then
        echo "NOT RUN: the comparisons with reference decoders (tests/oracles), because there is no node here. To run them:"
        echo "    apt-get update && apt-get install -y --no-install-recommends nodejs npm; sh tools/ensure_oracles.sh"
    else
        for folder in $(missing); do
            echo "NOT RUN: the comparisons with the reference decoder in $folder, which is not installed. To run them:"
            echo "    sh tools/ensure_oracles.sh   # needs npm"
        done
    fi
    exit 0
fi
if command -v node >/dev/null 2>&1 && command -v npm >/dev/null 2>&1; then
    for folder in $(missing); do
        echo "Installing the reference decoder in $folder by npm for its tests (once)"
        log=$(mktemp)
        if (cd "$folder" && $install) >"$log" 2>&1; then
            cp "$folder/package-lock.json" "$folder/node_modules/.installed"
        else
            echo "!!! It could not be installed; npm's last words:" >&2
            tail -n 3 "$log" >&2
        fi
        rm -f "$log"
    done
fi
exit 0
