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
_SWEEP = "integration/withdrawal/test_sweep.py"
_ERASE = "integration/withdrawal/test_erase.py"
_FORGED = "integration/gateway/test_forged_consent.py"
_HISTORY = "integration/gateway/test_consent_history.py"
_LATE = "integration/gateway/test_made_while_denied.py"
_STATES = "integration/store/test_consent_states.py"
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
        "        if values is not None and any(part.strip()",
        "        if values == ['never'] and any(part.strip()",
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
        "integration/gateway/test_withdrawal.py::TestRaising::test_an_older_grant_changes_nothing",
        f"{_SCRIPT}::test_each_statement_does_what_the_contract_says",
    ),
    mutation(
        "a doubted grant lifts a denial",
        "proxy/store/scripts/consent.lua",
        "letter == 'g' and claimed > claims[i]",
        "claimed > claims[i]",
        f"{_FORGED}::TestTheBannersOwnCookie::test_one_that_denies_keeps_it_denied",
        f"{_STATES}::test_the_script_does_what_the_table_says",
    ),
    mutation(
        "nobody doubts a grant",
        "proxy/gateway/consent_api.py",
        "    if not words:\n",
        "    if words:\n",
        f"{_FORGED}::TestTheBannersOwnCookie::test_one_that_denies_keeps_it_denied",
    ),
    mutation(
        "a grant from a clock that is ahead counts twice",
        "proxy/store/scripts/consent.lua",
        "letter == 'g' and claimed > claims[i]",
        "letter == 'g'",
        f"{_FORGED}::TestReplays::test_not_even_if_its_clock_was_ahead",
    ),
    mutation(
        "only the last denial holds back what was made while denied",
        "proxy/consent.py",
        "    if made_ms < since:\n",
        "    if record.denied_at[position] <= made_ms < since:\n",
        f"{_LATE}::TestKeptByTheClient::test_an_earlier_refusal_than_the_last_holds_back_too",
    ),
    mutation(
        "a decision is not kept",
        "proxy/store/scripts/consent.lua",
        "    remember()\n",
        "",
        f"{_HISTORY}::TestTheRecords::test_each_decision_is_one_and_a_withdrawal_is_another",
    ),
    mutation(
        "an erasure by the visitor leaves the history",
        "proxy/store/keys.py",
        '        "history": history_key(site, visitor),\n',
        "",
        f"{_HISTORY}::TestErasedByTheVisitor::test_everything_goes_but_what_keeps_it_denied",
    ),
    mutation(
        "a foreign page may ask for the export",
        "proxy/gateway/consent_api.py",
        'if export and "Origin" in call.request.headers and not call.listed:',
        'if export and "Origin" in call.request.headers and call.listed is None:',
        f"{_HISTORY}::TestTheExport::test_a_foreign_page_does_not_get_it",
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
        "        if values[position] is Value.DENIED or denied_since(record, position, read_at=read_at, known=known):",
        "        if values[position] is Value.DENIED:",
        f"{_RE_READ}::test_the_re_read_lowers",
    ),
    mutation(
        "a grant that ran out while the entry waited still counts",
        "proxy/consent.py",
        "        if time < now_ms - max_age_ms and (_AD[position] or not interest):",
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
        "proxy/delivery/lowering.py",
        "    signals = stricter(event.signals, _signals_now(record, entry, site, now_ms))",
        "    signals = _signals_now(record, entry, site, now_ms)",
        f"{_NARROWING}::test_a_lowered_entry_states_no_more_than_it_held",
    ),
    mutation(
        "a request that was made of more starts all the same",
        "proxy/delivery/sending.py",
        "            if checked.operations or any(map(is_not, checked.allowed, self._entries)):",
        "            if checked.operations:",
        f"{_NARROWING}::test_a_request_that_was_made_of_more_does_not_start",
    ),
    # --- what waits is looked for, and erased --------------------------------------------------------------------
    mutation(
        "a withdrawal is not noted",
        "proxy/remember.py",
        "            now_ms = max(now_ms, changed.claimed)\n            await self._consents.note(site.name, visitor.id)\n",
        "            now_ms = max(now_ms, changed.claimed)\n",
        f"{_SWEEP}::test_parked_entries_are_found",
    ),
    mutation(
        "a request that is under way is followed by a ping of the same event",
        "proxy/delivery/clearing.py",
        "                if one.held and spare:",
        "                if one.held is spare is None:",
        f"{_SWEEP}::test_a_request_under_way_is_not_followed_by_a_ping",
    ),
    mutation(
        "what a vendor quoted of the visitor stays with a lowered letter",
        "proxy/delivery/clearing.py",
        "struck(one.words, one.entry)",
        "one.words",
        f"{_SWEEP}::test_a_lowered_letter_ended_as_it_did",
    ),
    mutation(
        "an erasure leaves what is kept of sent entries",
        "proxy/delivery/clearing.py",
        "            gone = [one for one in copies if one.entry is None or self._judge(one.entry) is not one.entry]",
        "            gone = [one for one in copies if one.entry is None]",
        f"{_ERASE}::test_everything_is_erased_and_told",
    ),
    mutation(
        "an erasure leaves the old record's fields",
        "proxy/store/scripts/erase.lua",
        "  redis.call('DEL', unpack(KEYS))",
        "  redis.call('DEL', unpack(KEYS, 2))",
        f"{_ERASE}::test_everything_is_erased_and_told",
    ),
    mutation(
        "an erasure looks only once",
        "proxy/operate/erase.py",
        "_MOST_LOOKS: Final = 5",
        "_MOST_LOOKS: Final = 0",
        f"{_ERASE}::test_an_event_that_was_on_its_way_is_erased_too",
    ),
    mutation(
        "an event made while its signal was denied is released by a later grant",
        "proxy/consent.py",
        "        return Value.DENIED, Reason.CONSENT_DENIED\n    return value, reason\n\n\ndef _source(",
        "        return value, reason\n    return value, reason\n\n\ndef _source(",
        "integration/gateway/test_made_while_denied.py",
    ),
)
