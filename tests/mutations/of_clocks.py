"""How the rules of clocks could be broken: what is put back must not bring consent back, nor misdate anything."""

from tests.mutations.mutation import mutation

_TURNS = "integration/test_clock_turns.py"
_OWN_TIMES = "integration/store/test_own_times.py"

OF_CLOCKS = (
    mutation(
        "a grant that has run out comes back with the clock",
        "proxy/consent_time.py",
        "        found = max(run_ms + ahead, now_ms)",
        "        found = now_ms",
        "unit/test_consent_time.py::test_it_goes_at_least_as_fast_as_time_and_never_back",
    ),
    mutation(
        "the re-read goes by the time of day",
        "proxy/delivery/reread.py",
        "        now_ms = self._clock.consent_ms()",
        "        now_ms = self._clock.now_ms()",
        f"{_TURNS}::test_a_grant_that_has_run_out_stays_so",
    ),
    mutation(
        "the gateway goes by the time of day",
        "proxy/gateway/call.py",
        "            self._consent_time.of(now_ms, monotonic()),\n            trusted",
        "            now_ms,\n            trusted",
        "integration/gateway/test_clock_put_back.py::TestConsent::test_a_grant_that_has_run_out_stays_so",
    ),
    mutation(
        "a denial is told by its time alone",
        "proxy/consent.py",
        "    return mark >= read_at if known is None else mark not in {0, known[position]}",
        "    return mark >= read_at",
        "unit/test_denied_since.py::test_cases",
    ),
    mutation(
        "a denial may bear the mark of another",
        "proxy/store/scripts/consent.lua",
        "math.max(now, denied[i] + 1), true",
        "now, true",
        f"{_OWN_TIMES}::TestDenials::test_their_marks_only_grow",
    ),
    mutation(
        "a request tells a time to come",
        "proxy/delivery/mapping.py",
        "        entries = dated(entries, forwarder, latest_ms)\n",
        "",
        f"{_TURNS}::test_after_the_clock_is_put_back_events_are_of_now",
    ),
    mutation(
        "delays go by the store's clock",
        "proxy/store/scripts/due.lua",
        "'-inf', time + early,",
        "'-inf', now + early,",
        f"{_OWN_TIMES}::TestAPartition::test_its_time_goes_on_where_the_stores_was_put_back",
    ),
)
