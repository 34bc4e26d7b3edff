#!/bin/sh
# The tests of the container image need root, buildah, and apt-get with its lists of packages, of which they make a base.
# Without arguments: install what is missing where that is allowed (root, apt-get). With --report: say which tests did not
# run for want of it, and how to get it. Never fails: every other test runs without.
set -u
install="apt-get update && apt-get install -y --no-install-recommends buildah crun"

have_all() {
    command -v buildah >/dev/null 2>&1 && apt-cache show python3-venv >/dev/null 2>&1
}

if [ "${1:-}" = "--report" ]; then
    if ! have_all; then
        echo "NOT RUN: the tests of the container image (tests/deploy/test_image.py), because there is no buildah here, or no list of packages. To run them, as root:"
        echo "    sh -c '$install'"
    elif [ "$(id -u)" != 0 ]; then
        echo "NOT RUN: the tests of the container image (tests/deploy/test_image.py), because they need root. To run them:"
        echo "    sudo make test ARGS=tests/deploy"
    fi
    exit 0
fi
have_all && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing buildah by apt-get for the tests of the container image (once)"
    log=$(mktemp)
    if ! DEBIAN_FRONTEND=noninteractive sh -c "$install" >"$log" 2>&1; then
        echo "!!! It could not be installed; apt-get's last words:" >&2
        tail -n 3 "$log" >&2
    fi
    rm -f "$log"
fi
exit 0
