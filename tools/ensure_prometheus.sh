#!/bin/sh
# Some tests of tests/sre need a real Prometheus and its promtool. Without arguments: install them where that is allowed
# (root, apt-get) and they are missing. With --report: say which tests did not run for want of them, and how to get them.
# Never fails: every other test runs without.
set -u
install="apt-get update && apt-get install -y --no-install-recommends prometheus"

command -v prometheus >/dev/null 2>&1 && command -v promtool >/dev/null 2>&1 && exit 0
if [ "${1:-}" = "--report" ]; then
    echo "NOT RUN: the alerts' unit tests and the dashboards with a real Prometheus (tests/sre), because there is none here. To run them:"
    echo "    sudo sh -c '$install'"
    exit 0
fi
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing Prometheus by apt-get for the tests of alerts and dashboards (once)"
    log=$(mktemp)
    # With an init system Debian would start it as a service; the tests start their own.
    if ! DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 sh -c "$install" >"$log" 2>&1; then
        echo "!!! Prometheus could not be installed; apt-get's last words:" >&2
        tail -n 3 "$log" >&2
    fi
    rm -f "$log"
fi
exit 0
