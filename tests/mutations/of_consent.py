"""How the rules of consent could be broken: what is read, stored, and read again."""

from tests.mutations.mutation import mutation

_CONSENT = "unit/test_consent.py"
_RE_READ = "unit/test_still_allows.py"
_SOURCES = "integration/gateway/test_consent_sources.py"
_COOKIES = "integration/gateway/test_cookies.py"
_ORIGIN = "integration/gateway/test_origin.py"
_RECORDS = "integration/gateway/test_foreign_records.py"
_DELIVERY = "integration/test_delivery_consent.py"
_NARROWING = "integration/test_delivery_narrowing.py"
_SCRIPT = "integration/store/test_consent_script.py"
_POLICY = "unit/test_policy_table.py"

OF_CONSENT = (
    # --- consent is read as what it says -------------------------------------------------------------------------
    mutation(
        "silence is taken for consent",
        "proxy/consent.py",
        "_SILENCE = ConsentState(ALL_UNKNOWN, (Reason.CONSENT_UNKNOWN,) * 4)",
        "_SILENCE = ConsentState(Signals.from_code('gggg'), (Reason.GRANTED,) * 4)",
        f"{_CONSENT}::test_every_combination_of_sources_follows_the_rules",
    ),
    mutation(
        "a tombstone is ignored",
        "proxy/consent.py",
        "    if record is not None and record.tombstone:\n        return Value.DENIED, Reason.WITHDRAWN\n",
        "",
        f"{_CONSENT}::test_every_combination_of_sources_follows_the_rules",
        f"{_CONSENT}::test_cases",
    ),
    mutation(
        "a tombstone is ignored where nothing else is said",
        "proxy/consent.py",
        "    if record.tombstone:\n        return None\n",
        "",
        f"{_CONSENT}::test_every_combination_of_sources_follows_the_rules",
        f"{_CONSENT}::test_cases",
    ),
    mutation(
        "an expired grant is accepted",
        "proxy/consent.py",
        "            if not oldest_ms <= time <= newest_ms or time <= 0:",
        "            if not time <= newest_ms or time <= 0:",
        f"{_CONSENT}::test_every_combination_of_sources_follows_the_rules",
        f"{_CONSENT}::test_cases",
    ),
    mutation(
        "an expired grant is accepted beside another source",
        "proxy/consent.py",
        "        if time < now_ms - max_age_ms:\n            return Value.UNKNOWN, Reason.CONSENT_EXPIRED\n",
        "",
        f"{_CONSENT}::test_every_combination_of_sources_follows_the_rules",
        f"{_CONSENT}::test_cases",
    ),
    mutation(
        "an event's own grant raises a denial",
        "proxy/consent.py",
        "        elif own[position] is Value.GRANTED and reason is Reason.CONSENT_UNKNOWN:",
        "        elif own[position] is Value.GRANTED:",
        f"{_CONSENT}::test_every_combination_of_sources_follows_the_rules",
    ),
    mutation(
        "an unreadable source is taken for consent",
        "proxy/consent.py",
        "return ConsentState(ALL_UNKNOWN, (Reason.CONSENT_UNREADABLE,) * 4, gpc=gpc)",
        "return ConsentState(Signals.from_code('gggg'), (Reason.GRANTED,) * 4, gpc=gpc)",
        f"{_CONSENT}::test_a_source_that_cannot_be_read_grants_nothing",
    ),
    mutation(
        "an unreadable record is taken for none",
        "proxy/store/consents.py",
        "    except (KeyError, ValueError):\n        return UNREADABLE\n",
        "    except (KeyError, ValueError):\n        return None\n",
        f"{_RECORDS}::TestForeignRecords::test_a_bad_value_makes_the_whole_record_unreadable",
    ),
    mutation(
        "Global Privacy Control is ignored",
        "proxy/gateway/call.py",
        "        return values is not None and any(",
        "        return values == ['never'] and any(",
        f"{_SOURCES}::TestGlobalPrivacyControl::test_it_denies_the_ad_signals",
    ),
    mutation(
        "the refusal cookie is ignored",
        "proxy/gateway/cookies.py",
        "            refusals.add(value)",
        "            continue",
        f"{_COOKIES}::TestTheRefusalCookie::test_one_that_is_not_ours_is_unreadable_and_not_silence",
        f"{_SOURCES}::TestAnEventsOwnConsent::test_it_never_raises_a_refusal_in_the_browser",
    ),
    mutation(
        "the strictest preset sends pings before consent",
        "proxy/presets/eea-strict.toml",
        'events = ["conversions"]\nneeds = ["ad_storage", "ad_user_data"]\notherwise = "drop"\n\n[forwarders.meta]',
        'events = ["conversions"]\nneeds = ["ad_storage", "ad_user_data"]\notherwise = "cookieless"\n\n[forwarders.meta]',
        f"{_POLICY}::test_the_strict_preset_sends_nothing_without_a_grant",
    ),
    # --- consent is stored as it was said ------------------------------------------------------------------------
    mutation(
        "what only fills in raises a denial",
        "proxy/store/scripts/consent.lua",
        "(mode == 'decide' and decided > times[i])",
        "decided > times[i]",
        f"{_SCRIPT}::test_a_fill_never_changes_what_is_known",
    ),
    mutation(
        "an older grant lifts a newer denial",
        "proxy/store/scripts/consent.lua",
        "(mode == 'decide' and decided > times[i])",
        "mode == 'decide'",
        f"{_SCRIPT}::test_each_statement_does_what_the_contract_says",
    ),
    mutation(
        "a withdrawal leaves no tombstone",
        "proxy/store/scripts/consent.lua",
        "if mode == 'withdraw' or not basis then\n  tombstone = true",
        "if false then\n  tombstone = true",
        f"{_SCRIPT}::test_each_statement_does_what_the_contract_says",
    ),
    mutation(
        "a page that is not listed may grant",
        "proxy/gateway/consent_api.py",
        "    if not refusal or not (cookies.ids or cookies.refusal is not None):",
        "    if False:",
        f"{_ORIGIN}::TestConsent::test_a_grant_from_elsewhere_is_403",
    ),
    mutation(
        "a page that is not listed may read answers",
        "proxy/gateway/origin.py",
        "    return origin if origin is not None and (origin in site.origins or _is_own(origin, host)) else None",
        "    return origin",
        f"{_ORIGIN}::TestReading::test_no_other_may",
    ),
    mutation(
        "a page that is not listed may send",
        "proxy/gateway/origin.py",
        "        return origin in site.origins or _is_own(origin, host)\n    if trusted",
        "        return True\n    if trusted",
        f"{_ORIGIN}::TestEvents::test_from_elsewhere_they_are_403",
    ),
    # --- consent is read again -----------------------------------------------------------------------------------
    mutation(
        "consent is not read again before sending",
        "proxy/delivery/reread.py",
        "            elif record is None:\n",
        "            elif one is not None:\n",
        f"{_DELIVERY}::test_withdrawal_lowers_what_waits",
    ),
    mutation(
        "consent is not looked at when the connection is there",
        "proxy/delivery/transport.py",
        "        if ready is not None and not await ready():",
        "        if ready is not None and not ready:",
        "unit/test_transport.py::test_ready_is_asked_last_and_may_say_no",
    ),
    mutation(
        "a denial in between is forgotten after a new grant",
        "proxy/consent.py",
        "        if values[position] is Value.DENIED or record.denied_at[position] >= read_at:",
        "        if values[position] is Value.DENIED:",
        f"{_RE_READ}::test_the_re_read_lowers",
    ),
    mutation(
        "a grant that ran out while the entry waited still counts",
        "proxy/consent.py",
        "        if time > now_ms + FUTURE_MS or (time < now_ms - max_age_ms and (_AD[position] or not interest)):",
        "        if time > now_ms + FUTURE_MS:",
        f"{_RE_READ}::test_the_re_read_lowers",
    ),
    mutation(
        "what was refused in part is sent whole",
        "proxy/delivery/reread.py",
        "        if signals == one.event.signals:\n            return one\n",
        "        if signals is not None:\n            return one\n",
        f"{_NARROWING}::test_the_entry_goes_with_the_signals_that_are_left",
    ),
    mutation(
        "entries of different consent share a request",
        "proxy/delivery/triage.py",
        "        groups.setdefault(one.batch_key, []).append(one)",
        '        groups.setdefault("", []).append(one)',
        f"{_NARROWING}::test_entries_that_no_longer_agree_do_not_share_a_request",
    ),
    mutation(
        "an entry whose record cannot be read is sent",
        "proxy/delivery/reread.py",
        "                operations.append(Park(one.id, self._hold_ms, tried=False))",
        "                allowed.append(one)",
        "unit/test_reread.py::test_what_becomes_of_an_entry",
    ),
    mutation(
        "a lowered entry states more than it held",
        "proxy/delivery/reread.py",
        "        signals = stricter(event.signals, self._signals_now(record, entry.read_at, now_ms))",
        "        signals = self._signals_now(record, entry.read_at, now_ms)",
        f"{_NARROWING}::test_a_lowered_entry_states_no_more_than_it_held",
    ),
    mutation(
        "a request that was made of more starts all the same",
        "proxy/delivery/sending.py",
        "            if checked.operations or any(map(is_not, checked.allowed, self._entries)):",
        "            if checked.operations:",
        f"{_NARROWING}::test_a_request_that_was_made_of_more_does_not_start",
    ),
    mutation(
        "an event made while its signal was denied is released by a later grant",
        "proxy/consent.py",
        "        return Value.DENIED, Reason.CONSENT_DENIED\n    return value, reason\n\n\ndef _source(",
        "        return value, reason\n    return value, reason\n\n\ndef _source(",
        "integration/gateway/test_made_while_denied.py",
    ),
)
