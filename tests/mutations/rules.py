"""Each rule of privacy, the change that would break it, and the tests that must notice.

A mutation is a piece of the program's text, what stands there instead, and tests of which at least one must then fail.
If the text is not found any more, or more than once, that fails too: somebody has changed the rule, and must say anew how
it could be broken.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutation:
    """One broken rule. ``killers`` are pytest's names of tests that take a second at most."""

    name: str
    file: str
    old: str
    new: str
    killers: tuple[str, ...]


def _mutation(name: str, file: str, old: str, new: str, *killers: str) -> Mutation:
    return Mutation(name, file, old, new, tuple(f"tests/{killer}" for killer in killers))


_CONSENT = "unit/test_consent.py"
_RE_READ = "unit/test_still_allows.py"
_SOURCES = "integration/gateway/test_consent_sources.py"
_COOKIES = "integration/gateway/test_cookies.py"
_ORIGIN = "integration/gateway/test_origin.py"
_HTTP = "integration/gateway/test_http.py"
_RECORDS = "integration/gateway/test_foreign_records.py"
_ADDRESS = "unit/test_address.py"
_CLIENT = "integration/gateway/test_client_address.py"
_DELIVERY = "integration/test_delivery_consent.py"
_NARROWING = "integration/test_delivery_narrowing.py"
_SCRIPT = "integration/store/test_consent_script.py"
_ANONYMISE = "unit/test_anonymise.py"
_FULL = "unit/test_reduce_full.py"
_POLICY = "unit/test_policy_table.py"
_EVERY = "forwarders/test_every_forwarder.py"
_CANARIES = "wire/test_canaries.py"

MUTATIONS = (
    # --- consent is read as what it says -------------------------------------------------------------------------
    _mutation(
        "silence is taken for consent",
        "proxy/consent.py",
        "_SILENCE = ConsentState(ALL_UNKNOWN, (Reason.CONSENT_UNKNOWN,) * 4)",
        "_SILENCE = ConsentState(Signals.from_code('gggg'), (Reason.GRANTED,) * 4)",
        f"{_CONSENT}::test_every_combination_of_sources_follows_the_rules",
    ),
    _mutation(
        "a tombstone is ignored",
        "proxy/consent.py",
        "    if record is not None and record.tombstone:\n        return Value.DENIED, Reason.WITHDRAWN\n",
        "",
        f"{_CONSENT}::test_every_combination_of_sources_follows_the_rules",
        f"{_CONSENT}::test_cases",
    ),
    _mutation(
        "a tombstone is ignored where nothing else is said",
        "proxy/consent.py",
        "    if record.tombstone:\n        return None\n",
        "",
        f"{_CONSENT}::test_every_combination_of_sources_follows_the_rules",
        f"{_CONSENT}::test_cases",
    ),
    _mutation(
        "an expired grant is accepted",
        "proxy/consent.py",
        "            if not oldest_ms <= time <= newest_ms or time <= 0:",
        "            if not time <= newest_ms or time <= 0:",
        f"{_CONSENT}::test_every_combination_of_sources_follows_the_rules",
        f"{_CONSENT}::test_cases",
    ),
    _mutation(
        "an expired grant is accepted beside another source",
        "proxy/consent.py",
        "        if time < now_ms - max_age_ms:\n            return Value.UNKNOWN, Reason.CONSENT_EXPIRED\n",
        "",
        f"{_CONSENT}::test_every_combination_of_sources_follows_the_rules",
        f"{_CONSENT}::test_cases",
    ),
    _mutation(
        "an event's own grant raises a denial",
        "proxy/consent.py",
        "        elif own[position] is Value.GRANTED and reason is Reason.CONSENT_UNKNOWN:",
        "        elif own[position] is Value.GRANTED:",
        f"{_CONSENT}::test_every_combination_of_sources_follows_the_rules",
    ),
    _mutation(
        "an unreadable source is taken for consent",
        "proxy/consent.py",
        "return ConsentState(ALL_UNKNOWN, (Reason.CONSENT_UNREADABLE,) * 4, gpc=gpc)",
        "return ConsentState(Signals.from_code('gggg'), (Reason.GRANTED,) * 4, gpc=gpc)",
        f"{_CONSENT}::test_a_source_that_cannot_be_read_grants_nothing",
    ),
    _mutation(
        "an unreadable record is taken for none",
        "proxy/store/consents.py",
        "    except (KeyError, ValueError):\n        return UNREADABLE\n",
        "    except (KeyError, ValueError):\n        return None\n",
        f"{_RECORDS}::TestForeignRecords::test_a_bad_value_makes_the_whole_record_unreadable",
    ),
    _mutation(
        "Global Privacy Control is ignored",
        "proxy/gateway/call.py",
        "        return values is not None and any(",
        "        return values == ['never'] and any(",
        f"{_SOURCES}::TestGlobalPrivacyControl::test_it_denies_the_ad_signals",
    ),
    _mutation(
        "the refusal cookie is ignored",
        "proxy/gateway/cookies.py",
        "            refusals.add(value)",
        "            continue",
        f"{_COOKIES}::TestTheRefusalCookie::test_one_that_is_not_ours_is_unreadable_and_not_silence",
        f"{_SOURCES}::TestAnEventsOwnConsent::test_it_never_raises_a_refusal_in_the_browser",
    ),
    _mutation(
        "the strictest preset sends pings before consent",
        "proxy/presets/eea-strict.toml",
        'events = ["conversions"]\nneeds = ["ad_storage", "ad_user_data"]\notherwise = "drop"\n\n[forwarders.meta]',
        'events = ["conversions"]\nneeds = ["ad_storage", "ad_user_data"]\notherwise = "cookieless"\n\n[forwarders.meta]',
        f"{_POLICY}::test_the_strict_preset_sends_nothing_without_a_grant",
    ),
    # --- consent is stored as it was said ------------------------------------------------------------------------
    _mutation(
        "what only fills in raises a denial",
        "proxy/store/scripts/consent.lua",
        "(mode == 'decide' and decided > times[i])",
        "decided > times[i]",
        f"{_SCRIPT}::test_a_fill_never_changes_what_is_known",
    ),
    _mutation(
        "an older grant lifts a newer denial",
        "proxy/store/scripts/consent.lua",
        "(mode == 'decide' and decided > times[i])",
        "mode == 'decide'",
        f"{_SCRIPT}::test_each_statement_does_what_the_contract_says",
    ),
    _mutation(
        "a withdrawal leaves no tombstone",
        "proxy/store/scripts/consent.lua",
        "if mode == 'withdraw' or not basis then\n  tombstone = true",
        "if false then\n  tombstone = true",
        f"{_SCRIPT}::test_each_statement_does_what_the_contract_says",
    ),
    _mutation(
        "a page that is not listed may grant",
        "proxy/gateway/consent_api.py",
        "    if not refusal or not (cookies.ids or cookies.refusal is not None):",
        "    if False:",
        f"{_ORIGIN}::TestConsent::test_a_grant_from_elsewhere_is_403",
    ),
    _mutation(
        "a page that is not listed may read answers",
        "proxy/gateway/origin.py",
        "    return origin if origin is not None and (origin in site.origins or _is_own(origin, host)) else None",
        "    return origin",
        f"{_ORIGIN}::TestReading::test_no_other_may",
    ),
    _mutation(
        "a page that is not listed may send",
        "proxy/gateway/origin.py",
        "        return origin in site.origins or _is_own(origin, host)\n    if trusted",
        "        return True\n    if trusted",
        f"{_ORIGIN}::TestEvents::test_from_elsewhere_they_are_403",
    ),
    # --- consent is read again -----------------------------------------------------------------------------------
    _mutation(
        "consent is not read again before sending",
        "proxy/delivery/reread.py",
        "            elif record is None:\n",
        "            elif one is not None:\n",
        f"{_DELIVERY}::test_withdrawal_lowers_what_waits",
    ),
    _mutation(
        "consent is not looked at when the connection is there",
        "proxy/delivery/transport.py",
        "        if ready is not None and not await ready():",
        "        if ready is not None and not ready:",
        "unit/test_transport.py::test_ready_is_asked_last_and_may_say_no",
    ),
    _mutation(
        "a denial in between is forgotten after a new grant",
        "proxy/consent.py",
        "        if values[position] is Value.DENIED or record.denied_at[position] >= read_at:",
        "        if values[position] is Value.DENIED:",
        f"{_RE_READ}::test_the_re_read_lowers",
    ),
    _mutation(
        "a grant that ran out while the entry waited still counts",
        "proxy/consent.py",
        "        if time > now_ms + FUTURE_MS or (time < now_ms - max_age_ms and (_AD[position] or not interest)):",
        "        if time > now_ms + FUTURE_MS:",
        f"{_RE_READ}::test_the_re_read_lowers",
    ),
    _mutation(
        "what was refused in part is sent whole",
        "proxy/delivery/reread.py",
        "        if signals == one.event.signals:\n            return one\n",
        "        if signals is not None:\n            return one\n",
        f"{_NARROWING}::test_the_entry_goes_with_the_signals_that_are_left",
    ),
    _mutation(
        "entries of different consent share a request",
        "proxy/delivery/triage.py",
        "        groups.setdefault(one.batch_key, []).append(one)",
        '        groups.setdefault("", []).append(one)',
        f"{_NARROWING}::test_entries_that_no_longer_agree_do_not_share_a_request",
    ),
    _mutation(
        "an entry whose record cannot be read is sent",
        "proxy/delivery/reread.py",
        "                operations.append(Park(one.id, self._hold_ms, tried=False))",
        "                allowed.append(one)",
        "unit/test_reread.py::test_what_becomes_of_an_entry",
    ),
    _mutation(
        "a lowered entry states more than it held",
        "proxy/delivery/reread.py",
        "        signals = stricter(event.signals, self._signals_now(record, entry.read_at, now_ms))",
        "        signals = self._signals_now(record, entry.read_at, now_ms)",
        f"{_NARROWING}::test_a_lowered_entry_states_no_more_than_it_held",
    ),
    _mutation(
        "a request that was made of more starts all the same",
        "proxy/delivery/sending.py",
        "            if checked.operations or any(map(is_not, checked.allowed, self._entries)):",
        "            if checked.operations:",
        f"{_NARROWING}::test_a_request_that_was_made_of_more_does_not_start",
    ),
    _mutation(
        "an event made while its signal was denied is released by a later grant",
        "proxy/consent.py",
        "        return Value.DENIED, Reason.CONSENT_DENIED\n    return value, reason\n\n\ndef _source(",
        "        return value, reason\n    return value, reason\n\n\ndef _source(",
        "integration/gateway/test_made_while_denied.py",
    ),
    # --- addresses -----------------------------------------------------------------------------------------------
    _mutation(
        "the raw address is kept",
        "proxy/gateway/call.py",
        "        address = mask(raw) if raw else None",
        "        address = raw if raw else None",
        f"{_CLIENT}::TestWhatIsKept::test_a_full_event_has_it_truncated_where_the_vendor_takes_it_so",
    ),
    _mutation(
        "the raw address that a backend states is kept",
        "proxy/pipeline.py",
        "        address = mask(event.address) if event.address is not None else visit.address",
        "        address = event.address if event.address is not None else visit.address",
        f"{_CLIENT}::TestWhatIsKept::test_what_a_backend_states_is_truncated_on_arrival",
    ),
    _mutation(
        "IPv6 addresses are cut at /64",
        "proxy/address.py",
        "    return inet_ntop(AF_INET6, packed[:6] + bytes(10))",
        "    return inet_ntop(AF_INET6, packed[:8] + bytes(8))",
        f"{_ADDRESS}::test_address_is_truncated",
    ),
    _mutation(
        "the IPv4 address inside a 6to4 address is not seen",
        "proxy/address.py",
        "    if packed.startswith(_SIX_TO_FOUR):\n        return packed[2:6]\n",
        "",
        f"{_ADDRESS}::test_embedded_ipv4_never_shows_whole",
    ),
    _mutation(
        "anybody's word on the visitor's address is believed",
        "proxy/address.py",
        "        if packed is None or packed not in self._trusted:\n            return None if packed is None else peer\n",
        "        if packed is None:\n            return None\n",
        f"{_ADDRESS}::test_client_behind_proxies",
    ),
    _mutation(
        "aiohttp logs and quotes what it cannot parse",
        "proxy/gateway/server.py",
        "    def handle_error(",
        "    def handle_error_quietly(",
        f"{_HTTP}::TestMalformedRequests",
    ),
    _mutation(
        "aiohttp logs whom it serves, and what they ask for",
        "proxy/gateway/server.py",
        "        access_log=None,",
        "        access_log=log,",
        f"{_CLIENT}::TestTheWholeIsNowhere",
    ),
    _mutation(
        "exceptions are logged with their text",
        "proxy/logs.py",
        '            line["error"] = record.exc_info[0].__name__',
        '            line["error"] = repr(record.exc_info[1])',
        "unit/test_quiet_logs.py::test_an_exception_is_named_by_its_type_alone",
    ),
    # --- what a full event holds ---------------------------------------------------------------------------------
    _mutation(
        "other vendors' click ids stay in URLs",
        "proxy/urls.py",
        "            if index not in clicks or clicks[index] in keep\n",
        "",
        f"{_FULL}::test_only_the_vendors_own_click_ids_stay",
    ),
    _mutation(
        "click ids are kept without consent to advertising",
        "forwarders/_measurement_protocol.py",
        "    return signals.ad_storage is _GRANTED and signals.ad_user_data is _GRANTED",
        "    return True",
        "forwarders/test_google_analytics_ids.py::test_ad_data_depends_on_the_ad_signals",
    ),
    _mutation(
        "contact data is sent as it is",
        "forwarders/_google_contact.py",
        '        contact["email"] = sha256_hex(email)',
        '        contact["email"] = email',
        f"{_EVERY}::test_contact_data_leaves_only_as_hashes",
    ),
    _mutation(
        "the visitor's id is sent in place of a derivative",
        "proxy/pipeline.py",
        "                    derived=derive(self.key, site.name, link.name, visitor.id),",
        "                    derived=visitor.id.encode()[:16],",
        "integration/gateway/test_many_sites.py::TestVisitors::test_vendors_get_another_id_for_each_site",
    ),
    _mutation(
        "every vendor gets the same derivative",
        "proxy/identity.py",
        '    return hashlib.blake2b(f"{site}\\0{forwarder}\\0{visitor_id}".encode(), key=key, digest_size=16).digest()',
        '    return hashlib.blake2b(f"{site}\\0{visitor_id}".encode(), key=key, digest_size=16).digest()',
        f"{_FULL}::test_each_vendor_gets_a_visitor_of_its_own",
        "unit/test_identity.py::test_a_derivative_is_the_same_every_time_and_for_nobody_else",
    ),
    _mutation(
        "the user id goes without all four signals",
        "forwarders/google_analytics.py",
        "        return signals.all_granted()",
        "        return True",
        f"{_FULL}::test_the_sites_own_user_id_needs_all_four_signals",
    ),
    _mutation(
        "text is not scrubbed",
        "proxy/scrub.py",
        "    if not suspicious(text):\n        return text\n    scrubbed = text\n",
        "    if text:\n        return text\n    scrubbed = text\n",
        "unit/test_scrub.py::test_personal_data_is_redacted",
    ),
    # --- what a cookieless event holds ---------------------------------------------------------------------------
    _mutation(
        "a cookieless page keeps its query",
        "proxy/urls.py",
        "            if name in _KNOWN_UTM or _UTM.fullmatch(name) is not None:",
        "            if name:",
        f"{_ANONYMISE}::test_the_whole_allowlist",
    ),
    _mutation(
        "a cookieless event is sent under the page's event id",
        "proxy/pipeline.py",
        '        random_id = f"{bits31()}.{now_ms // 1000}"',
        '        random_id = f"{content.event.event_id}.{now_ms // 1000}"',
        f"{_CANARIES}::test_a_vendor_sees_exactly_what_its_mode_allows",
    ),
    _mutation(
        "a cookieless event is sent under an id of its visitor",
        "proxy/pipeline.py",
        '        random_id = f"{bits31()}.{now_ms // 1000}"',
        '        random_id = f"{hash(visit.user_agent) & 0x7FFFFFFF}.{now_ms // 1000}"',
        "wire/test_unlinkable.py::test_what_two_pings_share_does_not_tell_whether_one_visitor_made_both",
    ),
    _mutation(
        "a cookieless browser is named exactly",
        "proxy/anonymise.py",
        "        user_agent=rebuild(reduce_user_agent(user_agent)),",
        "        user_agent=user_agent,",
        f"{_ANONYMISE}::test_the_whole_allowlist",
    ),
    _mutation(
        "a cookieless screen is measured exactly",
        "proxy/anonymise.py",
        "        screen=screen_bucket(screen) if screen else None,",
        "        screen=screen,",
        f"{_ANONYMISE}::test_the_whole_allowlist",
    ),
    _mutation(
        "a cookieless event carries every free parameter",
        "proxy/anonymise.py",
        "        params={key: params[key] for key in allowed if key in params} if allowed else {},",
        "        params=dict(params),",
        f"{_ANONYMISE}::test_the_whole_allowlist",
    ),
    # --- the rest ------------------------------------------------------------------------------------------------
    _mutation(
        "requests leave unchecked",
        "proxy/delivery/mapping.py",
        "    violation = egress.check(mapped.request, mapped.body, mode_of(entries))",
        "    violation: Violation | None = None",
        "integration/test_delivery_endings.py::test_a_request_that_holds_what_it_must_not_is_not_sent",
    ),
    _mutation(
        "a visit prolongs the id cookie's life",
        "proxy/site.py",
        "        return max(created + life - now_s, 0)",
        "        return max(life, 0)",
        f"{_COOKIES}::TestItsLife",
    ),
    _mutation(
        "an id is made without a basis",
        "proxy/policy.py",
        "    return allowed(state, ANALYTICS, interest=interest) in {Reason.GRANTED, Reason.LEGITIMATE_INTEREST}",
        "    return True",
        f"{_COOKIES}::TestTheIdCookie::test_no_id_without_a_basis",
    ),
)
