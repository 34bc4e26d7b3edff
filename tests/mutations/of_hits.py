"""Rules on what Google's own tag reports: what of it goes on, when, and on whose word."""

from tests.mutations.mutation import mutation

_HIT = "forwarders/test_google_analytics_hit.py"
_SENT = "forwarders/test_google_analytics_hit_sent.py"
_CONSENT = "unit/test_hits_consent.py"

OF_HITS = (
    mutation(
        "hashes of the tag's go on without ad_user_data",
        "forwarders/_google_hit.py",
        '**dict.fromkeys(("em", "ec_mode", "ecid", "_ecid"), (Signal.AD_USER_DATA,)),',
        "",
        f"{_HIT}::test_what_stands_on_ad_signals_goes_with_them",
    ),
    mutation(
        "a hit names the user whatever is granted",
        "forwarders/_google_hit.py",
        "    if signals.all_granted():\n        if event.user_id:",
        "    if signals:\n        if event.user_id:",
        f"{_HIT}::test_what_stands_on_ad_signals_goes_with_them",
    ),
    mutation(
        "a hit goes on without a granted analytics_storage",
        "forwarders/google_analytics.py",
        ' or self.relay != "collect" or signals.analytics_storage is not _GRANTED:',
        ' or self.relay != "collect":',
        f"{_HIT}::test_on_legitimate_interest_alone_it_is_no_hit",
    ),
    mutation(
        "a hit shows our secret",
        "forwarders/_google_hit.py",
        ", authenticated=False)",
        ")",
        f"{_HIT}::test_the_api_secret_is_not_shown_where_it_is_not_asked_for",
    ),
    mutation(
        "an old hit goes on as one of now",
        "proxy/delivery/triage.py",
        "if event.hit and now_ms - entry.made_ms > forwarder.hit_max_age_s * 1000:",
        "if event.hit and now_ms < 0:",
        f"{_SENT}::test_an_old_hit_goes_with_its_time",
    ),
    mutation(
        "any parameter of the tag's is kept",
        "forwarders/_google_hit.py",
        "    if shape is None or not value:\n        return None",
        "    if shape is None or not value:\n        return value or None",
        "unit/test_hits.py::test_only_known_parameters_of_the_tag_are_kept",
    ),
    mutation(
        "a version may be an address",
        "forwarders/_google_hit.py",
        r'_QUAD.sub(r"\1.0", value)',
        "value",
        "unit/test_hits.py::test_a_parameter_is_kept_in_its_own_shape_alone",
    ),
    mutation(
        "of two consent strings the last counts",
        "proxy/hits.py",
        "            value = _CONFLICT\n",
        "            value = str(value)\n",
        f"{_CONSENT}::test_a_consent_string_that_is_stated_twice_and_not_alike_is_none",
    ),
    mutation(
        "what only follows from consent is not heeded",
        "proxy/hits.py",
        "if pairs.get(key) == denies and not _follows(pairs, signal):",
        "if pairs.get(key) == denies and not pairs:",
        f"{_CONSENT}::test_consent_is_what_the_parameters_say",
    ),
    mutation(
        "the egress check does not look into a text",
        "proxy/delivery/egress.py",
        "parts += [value for name, value in _pairs(request.text) if not _is_agent(name)]",
        "parts += []",
        f"{_SENT}::test_the_egress_check_looks_into_a_text_as_into_a_query",
    ),
    mutation(
        "other forwarders keep the tag's words",
        "forwarders/base.py",
        '            Empty where the event is to be sent as any other.\n        """\n        return {}',
        '            Empty where the event is to be sent as any other.\n        """\n        return dict(hit)',
        f"{_HIT}::test_only_google_analytics_keeps_a_hit",
    ),
)
