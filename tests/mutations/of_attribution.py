"""How what brought a visitor could be kept, used or left behind without consent."""

from tests.mutations.mutation import mutation

_KEPT = "proxy/attribution.py"
_UNIT = "unit/test_attribution.py"
_TIME = "integration/test_attribution.py::TestItsTime"
_CONSENT_TESTS = "integration/test_attribution_consent.py"
_SCRIPT = "proxy/store/scripts/attribution.lua"
_CONSENT = "proxy/store/scripts/consent.lua"

OF_ATTRIBUTION = (
    mutation(
        "a campaign is kept without statistics",
        _KEPT,
        "        statistics is _GRANTED,\n        storage",
        "        statistics is not _DENIED,\n        storage",
        f"{_UNIT}::test_what_signals_allow",
    ),
    mutation(
        "a click is kept without ad_user_data",
        _KEPT,
        "storage is _GRANTED and user_data is _GRANTED and",
        "storage is _GRANTED and",
        f"{_UNIT}::test_what_signals_allow",
    ),
    mutation(
        "a click is kept in spite of a no to statistics",
        _KEPT,
        "user_data is _GRANTED and statistics is not _DENIED",
        "user_data is _GRANTED",
        f"{_UNIT}::test_what_signals_allow",
    ),
    mutation(
        "a kept click is used whatever the visitor says now",
        "proxy/crediting.py",
        "kept.clicks if may_click else NOTHING_KEPT.clicks",
        "kept.clicks",
        f"{_UNIT}::test_nothing_is_credited_that_the_state_does_not_grant",
    ),
    mutation(
        "a kept click reaches entries that may not have it",
        "proxy/anonymise.py",
        "    if not allowed(signals)[1]:\n",
        "    if not signals:\n",
        f"{_UNIT}::test_no_kept_click_reaches_an_entry_that_may_not_have_it",
    ),
    mutation(
        "what is kept is used for ever",
        _KEPT,
        "if click.at > oldest}",
        "if click.at}",
        f"{_UNIT}::test_nothing_is_used_when_it_is_too_old",
    ),
    mutation(
        "what is kept outlives the id",
        "proxy/crediting.py",
        "        ends = min(ends, (visitor.created + site.cookie.consented_max_age_s) * 1000)\n",
        "        ends = min(ends, ends)\n",
        f"{_UNIT}::test_lives_count_from_the_visit_and_end_with_the_id",
    ),
    mutation(
        "what is kept outlives the consent",
        "proxy/crediting.py",
        "+ site.policy.consent_max_age_ms)",
        "+ site.policy.consent_max_age_ms * 1000)",
        f"{_TIME}::test_it_is_never_kept_longer_than",
    ),
    mutation(
        "what is kept never ends in the store",
        _SCRIPT,
        "    redis.call('PEXPIRE', KEYS[2], life)\n",
        "",
        f"{_TIME}::test_it_ends_by_itself_counted_from_the_visit",
    ),
    mutation(
        "a withdrawal is overtaken by an event that was on its way",
        _SCRIPT,
        "if record.err or record[4] == '1' then",
        "record = { 'granted', 'granted', 'granted' }\nif record.err then",
        f"{_CONSENT_TESTS}::TestTakenBack::test_what_was_read_before_the_withdrawal_is_not_written_after_it",
    ),
    mutation(
        "a withdrawal leaves what brought the visitor",
        _CONSENT,
        "  if tombstone or state[1] == 'denied' or",
        "  if",
        f"{_CONSENT_TESTS}::TestTakenBack::test_a_withdrawal_deletes_all_of_it",
        f"{_CONSENT_TESTS}::TestTakenBack::test_a_no_to_statistics_deletes_all_of_it",
    ),
    mutation(
        "a lowered ad signal leaves the clicks",
        _CONSENT,
        " or not (first[field] or ads) then",
        " then",
        f"{_CONSENT_TESTS}::TestTakenBack::test_a_lowered_ad_signal_deletes_the_clicks_alone",
    ),
    mutation(
        "an erasure leaves what brought the visitor",
        "proxy/store/keys.py",
        '        "attribution": attribution_key(site, visitor),\n',
        "",
        f"{_CONSENT_TESTS}::TestTheVisitorsRights::test_an_erasure_deletes_it",
    ),
    mutation(
        "a campaign may be somebody's address",
        "proxy/campaign.py",
        "    if not text or _is_personal(text):\n",
        "    if not text:\n",
        "unit/test_campaign.py::TestNames::test_that_look_like_a_persons_are_refused_whole",
    ),
)
