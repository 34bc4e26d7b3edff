#!/bin/sh
# Runs the tests: python, then pytest's arguments. Many of them kill and stop real processes and wait for others; on a machine
# that is busy with something else one may wait in vain. So what failed is run once more, alone and one after the other, and
# said loudly: a test that passes only then is a test to be mended, and one that fails again fails the run. Not so where the
# run was cut short at a failure, and not for the crash campaign and the mutations: what they find once, is there.
set -u
python=$1
shift
"$python" -m pytest "$@"
code=$?
[ "$code" = 1 ] || exit "$code"
for word in "$@"; do
    case $word in -x | --exitfirst | --maxfail*) exit 1 ;; esac
done
if grep -qE '"tests/(chaos|mutations)/' .pytest_cache/v/cache/lastfailed; then
    exit 1
fi
echo
echo "!!! Tests failed, see above. They are run once more, one after the other:"
"$python" -m pytest --last-failed --last-failed-no-failures none -n 0 -p no:randomly -v
code=$?
if [ "$code" = 0 ]; then
    echo "!!! They passed the second time: mend them all the same, they depend on what else the machine does."
fi
exit "$code"
