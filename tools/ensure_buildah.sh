#!/bin/sh
# The tests of the container image need buildah, debootstrap and root. Without arguments: install them where that is allowed
# (root, apt-get) and they are missing. With --report: say which tests did not run for want of them, and how to get them.
# Never fails: every other test runs without.
set -u
install="apt-get update && apt-get install -y --no-install-recommends buildah debootstrap crun"

have_all() {
    for name in buildah debootstrap; do
        command -v "$name" >/dev/null 2>&1 || return 1
    done
}

if [ "${1:-}" = "--report" ]; then
    if ! have_all; then
        echo "NOT RUN: the tests of the container image (tests/deploy/test_image.py), because there is no buildah here. To run them, as root:"
        echo "    sh -c '$install'"
    elif [ "$(id -u)" != 0 ]; then
        echo "NOT RUN: the tests of the container image (tests/deploy/test_image.py), because they need root. To run them:"
        echo "    sudo make test ARGS=tests/deploy"
    fi
    exit 0
fi
have_all && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing buildah and debootstrap by apt-get for the tests of the container image (once)"
    log=$(mktemp)
    if ! DEBIAN_FRONTEND=noninteractive sh -c "$install" >"$log" 2>&1; then
        echo "!!! They could not be installed; apt-get's last words:" >&2
        tail -n 3 "$log" >&2
    fi
    rm -f "$log"
fi
exit 0
