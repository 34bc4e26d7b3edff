#!/bin/sh
# The browser tests need a Chromium. Without arguments: install one where that is allowed (root, apt-get) and it is
# missing. With --report: say which tests did not run for want of it, and how to get it. Never fails: every other test
# runs without a browser.
set -u
install="apt-get update && apt-get install -y --no-install-recommends chromium"

have_browser() {
    for name in chromium chromium-browser google-chrome google-chrome-stable; do
        command -v "$name" >/dev/null 2>&1 && return 0
    done
    return 1
}

have_browser && exit 0
if [ "${1:-}" = "--report" ]; then
    echo "NOT RUN: the browser tests (pytest -m browser), because there is no Chromium here. To run them:"
    echo "    sudo sh -c '$install'"
    exit 0
fi
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing Chromium by apt-get for the browser tests (once)"
    log=$(mktemp)
    if ! DEBIAN_FRONTEND=noninteractive sh -c "$install" >"$log" 2>&1; then
        echo "!!! Chromium could not be installed; apt-get's last words:" >&2
        tail -n 3 "$log" >&2
    fi
    rm -f "$log"
fi
exit 0
