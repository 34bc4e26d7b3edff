#!/bin/sh
# Makes .venv with the first Python that is new enough: $PYTHON, python3, or one of the names with a version.
set -eu
cd "$(dirname "$0")/.."

new_enough() { # pyenv leaves names on the PATH that do not run: only what answers counts
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

if [ -x .venv/bin/python ] && new_enough .venv/bin/python; then
    exit 0
fi
found=""
for candidate in ${PYTHON:-} python3 python3.13 python3.12 python3.11 python; do
    if new_enough "$candidate"; then
        found=$candidate
        break
    fi
done
if [ -z "$found" ]; then
    echo "Sayso needs Python 3.11 or newer; none of python3, python3.13, python3.12, python3.11 is." >&2
    echo "Install one, or name it: make PYTHON=/path/to/python3.12 ..." >&2
    exit 1
fi
echo "Making .venv with $("$found" --version)"
rm -rf .venv
if "$found" -m venv .venv >/dev/null 2>&1; then
    exit 0
fi
# Debian splits the standard library: without python3-venv there is no ensurepip, but pip may be there all the same.
rm -rf .venv
if ! { "$found" -m venv --without-pip .venv &&
    "$found" -m pip --disable-pip-version-check --python .venv/bin/python install -qq \
        --require-hashes -r requirements/build.txt; }; then
    rm -rf .venv
    echo "$found has neither venv with ensurepip nor pip 22.3 or newer; on Debian: apt-get install python3-venv" >&2
    exit 1
fi
