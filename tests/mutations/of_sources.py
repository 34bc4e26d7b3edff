"""How the rules for other sources of consent could be broken: banner cookies and strings on the scales."""

from tests.mutations.mutation import mutation

_WEIGH = "unit/test_weigh.py"
_RULES = f"{_WEIGH}::test_every_combination_of_two_other_sources_follows_the_rules"
_GATEWAY = "integration/gateway/test_other_sources.py"
_COOKIES = f"{_GATEWAY}::TestBannerCookies"
_STRINGS = f"{_GATEWAY}::TestConsentStrings"

OF_SOURCES = (
    mutation(
        "a source without a time raises a denial",
        "proxy/sources/weigh.py",
        "    if Value.GRANTED in stated and reason is Reason.CONSENT_UNKNOWN:",
        "    if Value.GRANTED in stated:",
        _RULES,
        f"{_STRINGS}::test_consent_mode_never_raises_a_stored_denial",
    ),
    mutation(
        "an older grant of a banner wins",
        "proxy/sources/weigh.py",
        "    if denied or at <= stored_at or own.values()",
        "    if denied or own.values()",
        _RULES,
        f"{_WEIGH}::test_an_older_banner_cookie_changes_nothing",
    ),
    mutation(
        "a banner's grant releases what was made while denied",
        "proxy/sources/weigh.py",
        "    if made_ms is not None and made_ms < at and value is Value.DENIED:",
        "    if made_ms is None and value is Value.DENIED:",
        f"{_WEIGH}::test_an_event_made_while_denied_is_not_released_by_a_banner_cookie_of_later",
    ),
    mutation(
        "a garbled source is overheard",
        "proxy/sources/weigh.py",
        "    if not all(word.said.readable for word in speaking):",
        "    if not any(word.said.readable for word in speaking):",
        f"{_WEIGH}::test_one_garbled_source_lets_nothing_be_granted",
    ),
    mutation(
        "another source lifts GPC",
        "proxy/sources/weigh.py",
        "_FIRM = frozenset({Reason.WITHDRAWN, Reason.GPC, Reason.CONSENT_UNREADABLE})",
        "_FIRM = frozenset({Reason.WITHDRAWN, Reason.CONSENT_UNREADABLE})",
        _RULES,
        f"{_WEIGH}::test_gpc_is_not_lifted_by_another_source",
    ),
    mutation(
        "another source lifts a tombstone",
        "proxy/sources/weigh.py",
        "_FIRM = frozenset({Reason.WITHDRAWN, Reason.GPC, Reason.CONSENT_UNREADABLE})",
        "_FIRM = frozenset({Reason.GPC, Reason.CONSENT_UNREADABLE})",
        f"{_WEIGH}::test_nothing_is_granted_under_a_tombstone",
    ),
    mutation(
        "one vendor's consent counts for all",
        "proxy/subject.py",
        "        if not self.heard.by_vendor:\n            return self.state",
        "        if self.heard:\n            return self.state",
        f"{_STRINGS}::test_a_tc_string_grants_vendor_by_vendor",
    ),
    mutation(
        "what one vendor was granted is remembered for all",
        "proxy/subject.py",
        "granted if set(column) == {granted} else unknown",
        "granted if granted in set(column) else unknown",
        f"{_STRINGS}::test_what_only_some_vendors_were_granted_is_not_remembered_for_all",
    ),
    mutation(
        "a refusal in the banner does not reach the record",
        "proxy/subjects.py",
        "        if heard.words and not subject.heard:",
        "        if heard.words and subject.heard:",
        f"{_COOKIES}::test_a_newer_refusal_in_the_banner_ends_what_the_record_grants",
    ),
    mutation(
        "DNT is ignored where the policy heeds it",
        "proxy/gateway/call.py",
        "        return self.site.policy.dnt and asks",
        "        return not self.site.policy.dnt and asks",
        f"{_GATEWAY}::TestDoNotTrack::test_it_is_an_objection_where_the_policy_heeds_it",
    ),
)
