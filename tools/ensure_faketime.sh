#!/bin/sh
# The tests that turn another process's clock need libfaketime. Without arguments: install it where that is allowed (root,
# apt-get) and it is missing. With --report: say which tests did not run for want of it, and how to get it. Never fails:
# every other test runs without it.
set -u
install="apt-get update && apt-get install -y --no-install-recommends faketime"

have_faketime() {
    for place in /usr/lib/*/faketime /usr/lib/faketime /usr/local/lib/faketime; do
        [ -f "$place/libfaketimeMT.so.1" ] && return 0
    done
    return 1
}

have_faketime && exit 0
if [ "${1:-}" = "--report" ]; then
    echo "NOT RUN: the tests of a store and a machine whose clocks are put back (tests/integration/store/"
    echo "test_clock_of_the_store.py, tests/wire/test_clock_steps.py), because there is no libfaketime here. To run them:"
    echo "    sudo sh -c '$install'"
    exit 0
fi
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing faketime by apt-get for the tests of clocks (once)"
    log=$(mktemp)
    if ! DEBIAN_FRONTEND=noninteractive sh -c "$install" >"$log" 2>&1; then
        echo "!!! faketime could not be installed; apt-get's last words:" >&2
        tail -n 3 "$log" >&2
    fi
    rm -f "$log"
fi
exit 0
