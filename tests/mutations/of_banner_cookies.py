"""How the reading of banner cookies and of Consent Mode could be broken: each change would grant what nobody granted."""

from tests.mutations.mutation import mutation

_CMP = "proxy/sources/cmp"
_MODE = "proxy/sources/consent_mode.py"
_MODE_TESTS = "sources/test_consent_mode_in.py"
_REGISTRY = "sources/test_cmp_registry.py"

OF_BANNER_COOKIES = (
    mutation(
        "of two cookies that differ the first counts",
        f"{_CMP}/__init__.py",
        "if found.setdefault(name, value) != value or len(value) > _LONGEST:",
        "if found.setdefault(name, value) and len(value) > _LONGEST:",
        "sources/test_cmp_cookiebot.py",
    ),
    mutation(
        "a grant from the future counts",
        f"{_CMP}/__init__.py",
        "        if granted:\n            return GARBLED\n",
        "",
        "sources/test_cmp_cookiebot.py",
    ),
    mutation(
        "a cookie that has run out still grants",
        f"{_CMP}/__init__.py",
        "answer.expires_at <= now_ms",
        "answer.expires_at <= 0",
        "sources/test_cmp_vanilla_cookieconsent.py",
    ),
    mutation(
        "a garbled platform is passed over",
        f"{_CMP}/__init__.py",
        " or any(not reading.said.readable for reading in speaking)",
        "",
        f"{_REGISTRY}::test_with_auto_one_garbled_platform_lets_nothing_be_granted",
    ),
    mutation(
        "platforms that disagree keep a time",
        f"{_CMP}/__init__.py",
        "return max(known) if same and len(known) == len(times) else None",
        "return max(known, default=None)",
        f"{_REGISTRY}::test_two_platforms_that_disagree_come_to_the_stricter_without_a_time",
    ),
    mutation(
        "one service of several is enough",
        f"{_CMP}/_family.py",
        "found[position] = value if before is None else stricter(before, value)",
        "found[position] = value if before is not Value.GRANTED else before",
        "sources/test_cmp_flags.py",
    ),
    mutation(
        "a number is taken for a yes",
        f"{_CMP}/_family.py",
        "    if flag is True:\n",
        "    if flag == True:\n",
        "sources/test_cmp_flags.py",
    ),
    mutation(
        "Cookiebot's implied consent counts",
        f"{_CMP}/cookiebot.py",
        ' or method == "implied":\n        return UNANSWERED\n',
        ':\n        return UNANSWERED\n    if method == "implied":\n        method = "explicit"\n',
        "sources/test_cmp_cookiebot.py",
    ),
    mutation(
        "Cookiebot's stamp of nobody asked is not looked at",
        f"{_CMP}/cookiebot.py",
        "if stamp in _NOT_ASKED or ",
        "if ",
        "sources/test_cmp_cookiebot.py",
    ),
    mutation(
        "OneTrust counts before the banner is answered",
        f"{_CMP}/onetrust.py",
        'return said.get("landingPath", "NotLandingPage") == "NotLandingPage"',
        "return True",
        "sources/test_cmp_onetrust.py",
    ),
    mutation(
        "a OneTrust banner closed by its cross is a yes",
        f"{_CMP}/onetrust.py",
        '_BANNER_CLOSED = "3"',
        '_BANNER_CLOSED = "x"',
        "sources/test_cmp_onetrust.py",
    ),
    mutation(
        "CookieYes counts before the visitor acts",
        f"{_CMP}/cookieyes.py",
        'if action in {"", "no"}:',
        'if action == "":',
        "sources/test_cmp_cookieyes.py",
    ),
    mutation(
        "Axeptio counts before it is completed",
        f"{_CMP}/axeptio.py",
        "    if completed is not Value.GRANTED:\n",
        "    if completed is Value.DENIED and not said:\n",
        "sources/test_cmp_axeptio.py",
    ),
    mutation(
        "CookieHub's region counts as an answer",
        f"{_CMP}/cookiehub.py",
        " is not Value.GRANTED or by_itself:",
        " is not Value.GRANTED and not by_itself:",
        "sources/test_cmp_cookiehub.py",
    ),
    mutation(
        "where Complianz lets visitors only opt out, a default is a yes",
        f"{_CMP}/complianz.py",
        ' or cookies.get(_TYPE, "optin") != "optin":',
        ":",
        "sources/test_cmp_complianz.py",
    ),
    mutation(
        "c15t's categories count without a decision",
        f"{_CMP}/c15t.py",
        "    if time is None:\n",
        "    if time == 0:\n",
        "sources/test_cmp_c15t.py",
    ),
    mutation(
        "of gcs and gcd the milder counts",
        _MODE,
        "    if Value.DENIED in (one, other):\n        return Value.DENIED\n",
        "    if Value.GRANTED in (one, other):\n        return Value.GRANTED\n",
        f"{_MODE_TESTS}::test_of_two_that_contradict_each_other_the_stricter_counts",
    ),
    mutation(
        "a default outranks the visitor's update",
        _MODE,
        "for state in (update, default, declared)",
        "for state in (default, update, declared)",
        f"{_MODE_TESTS}::test_every_letter_in_every_place",
    ),
    mutation(
        "the switch of personalised ads is not looked at",
        _MODE,
        " or flag % 4 == _NOT_PERSONALISED:",
        ":",
        f"{_MODE_TESTS}::test_strings_of_real_tags",
    ),
)
