"""Google's Consent Mode as tags state it: ``gcs`` and ``gcd``, letter by letter, and never upward."""

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forwarders._consent_mode import Setting, Told, consent_pairs, encode_gcd
from proxy.signals import SIGNALS, Signals, Value
from proxy.sources.consent_mode import read
from proxy.sources.said import GARBLED, SILENT

G, D, U = Value.GRANTED, Value.DENIED, Value.UNKNOWN
# Every letter: what it comes to for Google's tag, and what of it the visitor chose. An update outranks a default, and
# a default outranks a declaration.
LETTERS: list[tuple[str, Value, Value]] = [
    # not declared
    ("l", U, U), ("m", D, D), ("n", G, G),
    ("p", D, D), ("q", D, D), ("r", G, G),
    ("t", G, U), ("u", D, D), ("v", G, G),
    # declared denied
    ("B", D, D), ("C", D, D), ("D", G, G),
    ("F", D, D), ("G", D, D), ("H", G, G),
    ("J", G, U), ("K", D, D), ("L", G, G),
    # declared granted
    ("R", G, U), ("S", D, D), ("T", G, G),
    ("V", D, D), ("W", D, D), ("X", G, G),
    ("Z", G, U), ("-", D, D), ("_", G, G),
]  # fmt: skip
ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_"


def code(gcs: str | None, gcd: str | None, *, defaults_grant: bool = True) -> str:
    """Return the four signals as letters, in our order."""
    said = read(gcs, gcd, defaults_grant=defaults_grant)
    return said.signals.code() if said.readable else "unreadable"


@pytest.mark.parametrize(("letter", "come_to", "by_choice"), LETTERS, ids=[row[0] for row in LETTERS])
def test_every_letter_in_every_place(letter: str, come_to: Value, by_choice: Value) -> None:
    """The places are ad_storage, analytics_storage, ad_user_data, ad_personalization; ours begin with analytics."""
    for place, ours in enumerate((1, 0, 2, 3)):
        letters = ["l"] * 4
        letters[place] = letter
        gcd = "1" + "".join(f"3{one}" for one in letters) + "5l1"
        expected = [U] * 4
        expected[ours] = come_to
        assert read(None, gcd).signals.values() == tuple(expected)
        expected[ours] = by_choice
        assert read(None, gcd, defaults_grant=False).signals.values() == tuple(expected)


@pytest.mark.parametrize("letter", [*sorted(set(ALPHABET) - {row[0] for row in LETTERS}), " ", "%", "é", "."])
def test_letters_that_no_tag_writes(letter: str) -> None:
    """What is impossible is unreadable, not skipped."""
    assert read("G100", f"13{letter}3q3q3q5l1") is GARBLED


def chosen(gcd: str | None) -> bool:
    """Tell whether a visitor's choice is read from a ``gcd``, and not a site's default alone."""
    said = read(None, gcd)
    return said.readable and said is not SILENT and said.chosen


# Strings that were captured in real traffic, or computed by the same rules.
RECORDED: list[tuple[str, str | None, str, str]] = [
    ("consent mode not used, EEA", None, "13l3l3l2l1l1", "uuuu"),
    ("consent mode not used, elsewhere", None, "13l3l3l3l1l1", "uuuu"),
    ("denied by default, no choice yet", "G100", "13p3p3p2p5l1", "dddd"),
    ("all refused", "G100", "13q3q3q3q5l1", "dddd"),
    ("all accepted, EEA", "G111", "13r3r3r2r5l1", "gggg"),
    ("all accepted, elsewhere", "G111", "13r3r3r3r5l1", "gggg"),
    ("only analytics", "G101", "13q3r3q3q5l1", "gddd"),
    ("only ad_storage", "G110", "13r3q3q3q5l1", "dgdd"),
    ("only ad_user_data", "G100", "13q3q3r3q5l1", "ddgd"),
    ("only ad_personalization", "G100", "13q3q3q3r5l1", "dddg"),
    ("ads without personalisation, and analytics", "G111", "13r3r3r2q5l1", "gggd"),
    ("ads, no analytics", "G110", "13r3q3r2r5l1", "dggg"),
    ("granted by default", "G111", "13t3t3t2t5l1", "gggg"),
    ("granted by default, then granted", "G111", "13v3v3v2v5l1", "gggg"),
    ("granted by default, then refused", "G100", "13u3u3u2u5l1", "dddd"),
    ("only an update, refused", "G100", "13m3m3m2m5l1", "dddd"),
    ("only an update, granted", "G111", "13n3n3n3n5l1", "gggg"),
    ("consent mode v1", "G111", "13v3v3l3l5l1", "gguu"),
    ("only ad_user_data declared", "G1--", "13l3l3R3l5l1", "uugu"),
    ("personalised ads switched off", "G111", "13r3r3r2r7l1", "gggd"),
    ("personalised ads switched on", "G111", "13r3r3r2r6l1", "gggg"),
    ("the law of Colorado, GPC on", "G111", "13r3r3r3rdl1", "gggd"),
    ("a tag before 2024", None, "13l3l3l2l1", "uuuu"),
    ("a very old tag presumes nothing", "G100", "11q1q1q1q5", "dddd"),
    ("consent is delegated", "G111", "1fr7rbr6r5l1", "gggg"),
]


@pytest.mark.parametrize(
    ("gcs", "gcd", "expected"), [row[1:] for row in RECORDED], ids=[row[0] for row in RECORDED]
)
def test_strings_of_real_tags(gcs: str | None, gcd: str, expected: str) -> None:
    """With ``gcs`` beside it or alone, and whatever a later tag may append."""
    assert code(gcs, gcd) == expected
    assert code(None, gcd) == expected
    assert code("" if gcs is None else gcs + "-1x", gcd + "l1l1~.x") == expected


def test_nothing_sent_says_nothing() -> None:
    """Absent and empty are the same."""
    assert read(None, None) is SILENT
    assert read("", "") is SILENT
    assert read(None, "13l3l3l2l1l1") is SILENT
    assert read("G1--", None) is SILENT


@pytest.mark.parametrize(
    ("gcs", "expected"),
    [("G111", "gguu"), ("G110", "dguu"), ("G101", "gduu"), ("G100", "dduu"), ("G1-1", "guuu"), ("G11-", "uguu"),
     ("G1-0", "duuu"), ("G10-", "uduu"), ("G1--", "uuuu"), ("G111xyz", "gguu")],
)  # fmt: skip
def test_gcs_alone(gcs: str, expected: str) -> None:
    """It knows of two signals; where defaults do not count, it can only refuse, as it cannot tell them from choices."""
    assert code(gcs, None) == expected
    assert code(gcs, None, defaults_grant=False) == expected.replace("g", "u")


@pytest.mark.parametrize(
    "gcs", ["G", "G1", "G11", "G211", "g111", "G1x1", "G112", "111", " G111", "G1" + "1" * 200]
)
def test_gcs_of_another_form(gcs: str) -> None:
    """It is there and not understood: nothing is granted, whatever ``gcd`` says."""
    assert read(gcs, None) is GARBLED
    assert read(gcs, "13r3r3r3r5l1") is GARBLED


@pytest.mark.parametrize(
    "gcd",
    ["1", "13r3r3r3r", "23r3r3r3r5l1", "13r3r3r3r0l1", "13r3r3r3r4l1", "13r3r3r3r8l1", "13r3r3r3rgl1", "13r3r3r3r l1",
     "10r3r3r3r5l1", "14r3r3r3r5l1", "3r3r3r3r5l1", "13r3r3r3r1l1", "13n3l3l3l2l1", "1" + "3r" * 200, "13r 3r3r3r5l1"],
)  # fmt: skip
def test_gcd_of_another_form(gcd: str) -> None:
    """Too short, another version, impossible digits or flags, granted while consent mode is off."""
    assert read(None, gcd) is GARBLED
    assert read("G111", gcd) is GARBLED
    assert not chosen(gcd)


@pytest.mark.parametrize(
    ("gcs", "gcd", "expected"),
    [
        ("G100", "13r3r3r3r5l1", "ddgg"),
        ("G101", "13r3r3r3r5l1", "gdgg"),
        ("G111", "13q3q3q3q5l1", "dddd"),
        ("G111", "13l3l3r3r5l1", "uugg"),
        ("G1--", "13r3r3r3r5l1", "uugg"),
        ("G1-0", "13r3r3r3r5l1", "dugg"),
        ("G100", "13l3l3l3l1l1", "dduu"),
    ],
)
def test_of_two_that_contradict_each_other_the_stricter_counts(gcs: str, gcd: str, expected: str) -> None:
    """Denied before unknown before granted, signal by signal."""
    assert code(gcs, gcd) == expected


@pytest.mark.parametrize(
    ("gcd", "expected"),
    [("13p3p3p2p5l1", False), ("13t3t3t2t5l1", False), ("13l3l3l2l1l1", False), ("13q3p3p2p5l1", True),
     ("13p3p3p2r5l1", True), ("13v3v3l3l5l1", True), (None, False), ("", False), ("13l3l3R3l5l1", False)],
)  # fmt: skip
def test_whether_a_choice_stands_behind_it(gcd: str | None, expected: bool) -> None:
    """An update is a choice, a default is none."""
    assert chosen(gcd) is expected


def test_what_we_send_comes_back_exactly_and_never_higher() -> None:
    """All 324 states on the way out. Unknown has no letter of its own there: it goes out as denied by default."""
    for letters, explicit, country in product(product("gdu", repeat=4), (True, False), ("NO", "US")):
        ours = Signals.from_code("".join(letters))
        stated = dict(consent_pairs(ours, explicit=explicit, country=country))
        for gcs in (stated["gcs"], None):
            assert code(gcs, stated["gcd"]) == ours.code().replace("u", "d")
        assert chosen(stated["gcd"]) is (explicit and set(letters) != {"u"})
        assert code(stated["gcs"], None) == ours.code()[:2].replace("u", "d") + "uu"
        # Without a choice what we state are defaults, and defaults can be kept from granting.
        strict = code(stated["gcs"], stated["gcd"], defaults_grant=False)
        assert strict == ours.code().replace("u", "d") if explicit else "g" not in strict


def test_everything_a_tag_can_be_told_comes_back() -> None:
    """All 27 settings of each signal, in each of the switches, by the encoder of the way out."""
    order = [Told(default=d, update=u, declared=c) for c, d, u in product(Setting, repeat=3)]
    for told, switch, eea in product(order, Setting, (True, False)):
        gcd = encode_gcd((told,) * 4, eea=eea, personalised_ads=switch)
        strongest = next(
            (one for one in (told.update, told.default, told.declared) if one is not Setting.UNSET), None
        )
        value = U if strongest is None else G if strongest is Setting.GRANTED else D
        personal = D if switch is Setting.DENIED else value
        assert read(None, gcd).signals.values() == (value, value, value, personal)


@settings(max_examples=200, deadline=None)
@given(
    gcs=st.none() | st.text(max_size=8), gcd=st.none() | st.text(max_size=16) | st.text(ALPHABET, max_size=16)
)
def test_noise_never_raises(gcs: str | None, gcd: str | None) -> None:
    """Whatever stands in the query."""
    said = read(gcs, gcd)
    assert said.readable or said is GARBLED
    chosen(gcd)


ROWS = st.tuples(*([st.sampled_from([row[0] for row in LETTERS])] * 4))


@settings(max_examples=200, deadline=None)
@given(
    gcs=st.sampled_from(["G111", "G110", "G101", "G100", "G1--", "G1-1", None]),
    letters=ROWS,
    tail=st.text(max_size=9),
)
def test_both_together_never_grant_what_one_of_them_does_not(
    gcs: str | None, letters: tuple[str, ...], tail: str
) -> None:
    """Nor does anything appended."""
    gcd = "1" + "".join(f"3{letter}" for letter in letters) + "5" + tail
    together, alone = read(gcs, gcd).signals, read(None, gcd).signals
    beside = read(gcs, None).signals
    for position, signal in enumerate(SIGNALS):
        if together.granted(signal):
            assert alone.granted(signal)
            assert gcs is None or position > 1 or beside.granted(signal)
