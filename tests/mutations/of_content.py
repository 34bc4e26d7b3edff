"""How the rules could be broken of what is kept and sent: addresses, full events, cookieless ones, logs."""

from tests.mutations.mutation import mutation

_COOKIES = "integration/gateway/test_cookies.py"
_HTTP = "integration/gateway/test_http.py"
_ADDRESS = "unit/test_address.py"
_CLIENT = "integration/gateway/test_client_address.py"
_ANONYMISE = "unit/test_anonymise.py"
_FULL = "unit/test_reduce_full.py"
_EVERY = "forwarders/test_every_forwarder.py"
_CANARIES = "wire/test_canaries.py"

OF_CONTENT = (
    # --- addresses -----------------------------------------------------------------------------------------------
    mutation(
        "the raw address is kept",
        "proxy/gateway/call.py",
        "        address = mask(raw) if raw else None",
        "        address = raw if raw else None",
        f"{_CLIENT}::TestWhatIsKept::test_a_full_event_has_it_truncated_where_the_vendor_takes_it_so",
    ),
    mutation(
        "the raw address that a backend states is kept",
        "proxy/pipeline.py",
        "        address = mask(event.address) if event.address is not None else visit.address",
        "        address = event.address if event.address is not None else visit.address",
        f"{_CLIENT}::TestWhatIsKept::test_what_a_backend_states_is_truncated_on_arrival",
    ),
    mutation(
        "IPv6 addresses are cut at /64",
        "proxy/address.py",
        "    return inet_ntop(AF_INET6, packed[:6] + bytes(10))",
        "    return inet_ntop(AF_INET6, packed[:8] + bytes(8))",
        f"{_ADDRESS}::test_address_is_truncated",
    ),
    mutation(
        "the IPv4 address inside a 6to4 address is not seen",
        "proxy/address.py",
        "    if packed.startswith(_SIX_TO_FOUR):\n        return packed[2:6]\n",
        "",
        f"{_ADDRESS}::test_embedded_ipv4_never_shows_whole",
    ),
    mutation(
        "anybody's word on the visitor's address is believed",
        "proxy/address.py",
        "        if packed is None or packed not in self._trusted:\n            return None if packed is None else peer\n",
        "        if packed is None:\n            return None\n",
        f"{_ADDRESS}::test_client_behind_proxies",
    ),
    mutation(
        "aiohttp logs and quotes what it cannot parse",
        "proxy/gateway/server.py",
        "    def handle_error(",
        "    def handle_error_quietly(",
        f"{_HTTP}::TestMalformedRequests",
    ),
    mutation(
        "aiohttp logs whom it serves, and what they ask for",
        "proxy/gateway/server.py",
        "        access_log=None,",
        "        access_log=log,",
        f"{_CLIENT}::TestTheWholeIsNowhere",
    ),
    mutation(
        "exceptions are logged with their text",
        "proxy/logs.py",
        '            line["error"] = record.exc_info[0].__name__',
        '            line["error"] = repr(record.exc_info[1])',
        "unit/test_quiet_logs.py::test_an_exception_is_named_by_its_type_alone",
    ),
    # --- what a full event holds ---------------------------------------------------------------------------------
    mutation(
        "other vendors' click ids stay in URLs",
        "proxy/urls.py",
        "            if index not in clicks or clicks[index] in keep\n",
        "",
        f"{_FULL}::test_only_the_vendors_own_click_ids_stay",
    ),
    mutation(
        "click ids are kept without consent to advertising",
        "forwarders/_measurement_protocol.py",
        "    return signals.ad_storage is _GRANTED and signals.ad_user_data is _GRANTED",
        "    return True",
        "forwarders/test_google_analytics_ids.py::test_ad_data_depends_on_the_ad_signals",
    ),
    mutation(
        "contact data is sent as it is",
        "forwarders/_google_contact.py",
        '        contact["email"] = sha256_hex(email)',
        '        contact["email"] = email',
        f"{_EVERY}::test_contact_data_leaves_only_as_hashes",
    ),
    mutation(
        "the visitor's id is sent in place of a derivative",
        "proxy/pipeline.py",
        "                    derived=derive(self.key, site.name, link.name, visitor.id),",
        "                    derived=visitor.id.encode()[:16],",
        "integration/gateway/test_many_sites.py::TestVisitors::test_vendors_get_another_id_for_each_site",
    ),
    mutation(
        "every vendor gets the same derivative",
        "proxy/identity.py",
        '    return hashlib.blake2b(f"{site}\\0{forwarder}\\0{visitor_id}".encode(), key=key, digest_size=16).digest()',
        '    return hashlib.blake2b(f"{site}\\0{visitor_id}".encode(), key=key, digest_size=16).digest()',
        f"{_FULL}::test_each_vendor_gets_a_visitor_of_its_own",
        "unit/test_identity.py::test_a_derivative_is_the_same_every_time_and_for_nobody_else",
    ),
    mutation(
        "the user id goes without all four signals",
        "forwarders/google_analytics.py",
        "        return signals.all_granted()",
        "        return True",
        f"{_FULL}::test_the_sites_own_user_id_needs_all_four_signals",
    ),
    mutation(
        "text is not scrubbed",
        "proxy/scrub.py",
        "    if not suspicious(text):\n        return text\n    scrubbed = text\n",
        "    if text:\n        return text\n    scrubbed = text\n",
        "unit/test_scrub.py::test_personal_data_is_redacted",
    ),
    # --- what a cookieless event holds ---------------------------------------------------------------------------
    mutation(
        "a cookieless page keeps its query",
        "proxy/urls.py",
        "            if name in _KNOWN_UTM or _UTM.fullmatch(name) is not None:",
        "            if name:",
        f"{_ANONYMISE}::test_the_whole_allowlist",
    ),
    mutation(
        "a cookieless event is sent under the page's event id",
        "proxy/pipeline.py",
        '        random_id = f"{bits31()}.{now_ms // 1000}"',
        '        random_id = f"{content.event.event_id}.{now_ms // 1000}"',
        f"{_CANARIES}::test_a_vendor_sees_exactly_what_its_mode_allows",
    ),
    mutation(
        "a cookieless event is sent under an id of its visitor",
        "proxy/pipeline.py",
        '        random_id = f"{bits31()}.{now_ms // 1000}"',
        '        random_id = f"{hash(visit.user_agent) & 0x7FFFFFFF}.{now_ms // 1000}"',
        "wire/test_unlinkable.py::test_what_two_pings_share_does_not_tell_whether_one_visitor_made_both",
    ),
    mutation(
        "a cookieless browser is named exactly",
        "proxy/anonymise.py",
        "        user_agent=rebuild(reduce_user_agent(user_agent)),",
        "        user_agent=user_agent,",
        f"{_ANONYMISE}::test_the_whole_allowlist",
    ),
    mutation(
        "a cookieless screen is measured exactly",
        "proxy/anonymise.py",
        "        screen=screen_bucket(screen) if screen else None,",
        "        screen=screen,",
        f"{_ANONYMISE}::test_the_whole_allowlist",
    ),
    mutation(
        "a cookieless event carries every free parameter",
        "proxy/anonymise.py",
        "        params={key: params[key] for key in allowed if key in params} if allowed else {},",
        "        params=dict(params),",
        f"{_ANONYMISE}::test_the_whole_allowlist",
    ),
    # --- the rest ------------------------------------------------------------------------------------------------
    mutation(
        "requests leave unchecked",
        "proxy/delivery/mapping.py",
        "    violation = egress.check(mapped.request, mapped.body, mode_of(entries))",
        "    violation: Violation | None = None",
        "integration/test_delivery_endings.py::test_a_request_that_holds_what_it_must_not_is_not_sent",
    ),
    mutation(
        "a visit prolongs the id cookie's life",
        "proxy/site.py",
        "        return max(created + life - now_s, 0)",
        "        return max(life, 0)",
        f"{_COOKIES}::TestItsLife",
    ),
    mutation(
        "an id is made without a basis",
        "proxy/policy.py",
        "    return allowed(state, ANALYTICS, interest=interest) in _BASES",
        "    return True",
        f"{_COOKIES}::TestTheIdCookie::test_no_id_without_a_basis",
    ),
)
