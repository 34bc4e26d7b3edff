#!/bin/sh
# Some browser tests visit with a client that really speaks the web protocol of Google Analytics (tests/browser/wire_client,
# pinned by hash). Without arguments: install it if it is missing, where there are node and npm. With --report: say which
# tests did not run for want of it, and how to get it. Never fails: hits written down by hand are read in any case.
set -u
cd "$(dirname "$0")/.." || exit 0
folder=tests/browser/wire_client
lock=$folder/package-lock.json
mark=$folder/node_modules/.installed

cmp -s "$lock" "$mark" && exit 0
if [ "${1:-}" = "--report" ]; then
    echo "NOT RUN: /g/collect with a real client (tests/browser/test_gtag_wire.py), which is not installed. To run it:"
    if command -v npm >/dev/null 2>&1; then
        echo "    sh tools/ensure_wire_client.sh"
    else
        echo "    apt-get update && apt-get install -y --no-install-recommends nodejs npm; sh tools/ensure_wire_client.sh"
    fi
    exit 0
fi
if command -v node >/dev/null 2>&1 && command -v npm >/dev/null 2>&1; then
    echo "Installing the wire client in $folder by npm for its tests (once)"
    log=$(mktemp)
    if (cd "$folder" && npm ci --ignore-scripts --no-audit --no-fund) >"$log" 2>&1; then
        cp "$lock" "$mark"
    else
        echo "!!! It could not be installed; npm's last words:" >&2
        tail -n 3 "$log" >&2
    fi
    rm -f "$log"
fi
exit 0
