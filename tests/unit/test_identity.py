"""The visitor's id, the two cookies, and what each vendor gets instead of the id."""

import re
from itertools import product

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from proxy.consent import UNREADABLE, Refusal
from proxy.identity import (
    Visitor,
    derive,
    is_refusal,
    mint,
    parse_visitor,
    read_cookie,
    read_refusal,
    refusal_value,
)
from proxy.signals import ALL_DENIED, ALL_GRANTED, ALL_UNKNOWN, Signals

NOW_S = 1_795_341_600
NOW_MS = NOW_S * 1000
WEEK = 7 * 86_400
DAY = 86_400
ID = "AbCdEfGhIjKlMnOpQrStU-"
QUICK = settings(max_examples=200, deadline=None)
KEY = b"k" * 32


# --- the id ---------------------------------------------------------------------------------------------------------


def test_an_id_is_128_bits_of_chance() -> None:
    """No two are alike, and none tells anything of whom it was made for."""
    made = {mint(NOW_S).id for _ in range(1000)}
    assert len(made) == 1000
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{22}", one) for one in made)
    # Of 64 characters nearly all occur in each place; the last holds two bits, so four of them.
    assert min(len(set(place)) for place in list(zip(*made, strict=True))[:-1]) > 50
    assert len(set(next(reversed(list(zip(*made, strict=True)))))) == 4


def test_an_id_does_not_print_itself() -> None:
    """A log line or a traceback that holds a visitor holds no id."""
    visitor = mint(NOW_S)
    assert visitor.id not in repr(visitor)
    assert visitor.id not in str([visitor])


def test_a_cookie_reads_as_it_was_written() -> None:
    """With the moment from which its life is counted."""
    visitor = mint(NOW_S)
    assert read_cookie(visitor.cookie_value(), now_s=NOW_S, max_age_s=WEEK) == visitor


@pytest.mark.parametrize(
    "text",
    [
        "", ".", ID, f"{ID}.", f"{ID}.0", f"{ID}.179534160", f"{ID}.17953416000", f"{ID}.{NOW_S}\n", f" {ID}.{NOW_S}",
        f"{ID}.{NOW_S}.{NOW_S}", f"{ID[:-1]}.{NOW_S}", f"{ID}x.{NOW_S}", f"{ID[:-1]}=.{NOW_S}", f"{ID[:-1]}é.{NOW_S}",
        f"{ID}.-{NOW_S}", f"{ID}.1e9", "GA1.2.1254136630.1795000000", f"{ID}." + "".join(chr(0x660 + int(d)) for d in str(NOW_S)),
    ],
)  # fmt: skip
def test_what_is_no_cookie_of_ours_counts_as_none(text: str) -> None:
    """Nor does an id without its moment: it could live for ever."""
    assert read_cookie(text, now_s=NOW_S, max_age_s=WEEK) is None


@pytest.mark.parametrize(
    ("created", "alive"),
    [
        (NOW_S, True),
        (NOW_S - WEEK + 1, True),
        (NOW_S - WEEK, False),
        (NOW_S - 10 * WEEK, False),
        (NOW_S + DAY, True),
        (NOW_S + DAY + 1, False),
        (9_999_999_999, False),
        (1_000_000_000, False),
    ],
)
def test_a_life_is_counted_from_the_moment_in_the_cookie(created: int, alive: bool) -> None:
    """Whatever the browser does with Max-Age; a moment far ahead was not written by us."""
    found = read_cookie(f"{ID}.{created}", now_s=NOW_S, max_age_s=WEEK)
    assert (found is not None) is alive


@QUICK
@given(st.integers(NOW_S - 400 * DAY, NOW_S + 2 * DAY), st.integers(1, 400 * DAY))
@example(NOW_S + DAY, WEEK)
def test_no_cookie_has_more_than_its_life_before_it(created: int, max_age_s: int) -> None:
    """Not even where another machine's clock was ahead when it was made."""
    found = read_cookie(f"{ID}.{created}", now_s=NOW_S, max_age_s=max_age_s)
    if found is not None:
        assert 0 < found.created + max_age_s - NOW_S <= max_age_s
        assert found.id == ID


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (ID, Visitor(ID, 0)),
        (f"{ID}.{NOW_S}", Visitor(ID, NOW_S)),
        ("kari@shop.example", None),
        ("", None),
        (f"{ID}\n", None),
        ("../../../etc/passwd...", None),
    ],
)
def test_a_backend_names_a_visitor_by_the_id_or_the_whole_cookie(text: str, wanted: Visitor | None) -> None:
    """Whichever it has at hand; anything else is nobody."""
    assert parse_visitor(text) == wanted


# --- the refusal ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", ["".join(letters) for letters in product("gdu", repeat=4)])
def test_a_refusal_reads_as_it_was_written(code: str) -> None:
    """Four signals and a time, and nothing that tells one visitor from another."""
    text = refusal_value(Signals.from_code(code), NOW_MS)
    assert text == f"1.{code}.{NOW_MS}"
    assert read_refusal(text, now_ms=NOW_MS) == Refusal(Signals.from_code(code), NOW_MS)


def test_a_refusal_of_any_time_can_be_read() -> None:
    """An old decision that a page states as such is remembered like a new one."""
    for decided_at in (1, 999_999_999_999, NOW_MS):
        assert read_refusal(refusal_value(ALL_DENIED, decided_at), now_ms=NOW_MS) == Refusal(
            ALL_DENIED, decided_at
        )


def test_a_refusal_from_the_future_is_from_now() -> None:
    """Otherwise it would outrank every decision until that moment comes."""
    text = refusal_value(ALL_DENIED, NOW_MS + 1000 * DAY)
    assert read_refusal(text, now_ms=NOW_MS) == Refusal(ALL_DENIED, NOW_MS)


def test_a_refusal_may_be_as_far_ahead_as_the_grant_that_it_ended_was() -> None:
    """Or that grant, sent once more, would seem to be newer than its end."""
    text = refusal_value(ALL_DENIED, NOW_MS + 240_000)
    assert read_refusal(text, now_ms=NOW_MS) == Refusal(ALL_DENIED, NOW_MS + 240_000)


@pytest.mark.parametrize(
    "text",
    [
        "", "1", "denied", f"2.dddd.{NOW_MS}", f"1.ddd.{NOW_MS}", f"1.ddddd.{NOW_MS}", f"1.dddx.{NOW_MS}", f"1.DDDD.{NOW_MS}",
        "1.dddd.", "1.dddd.179534160000", f"1.dddd.{NOW_MS}0", f"1.dddd.{NOW_MS}\n", f"1.dddd.-{NOW_MS}", f"1.dddd.{NOW_MS};",
        f" 1.dddd.{NOW_MS}", '{"ad_storage":"denied"}', "1.dddd." + "".join(chr(0x660 + int(d)) for d in str(NOW_MS)),
    ],
)  # fmt: skip
def test_a_refusal_that_we_cannot_have_written_is_unreadable(text: str) -> None:
    """Never silence: it was put there by somebody who may have refused."""
    assert read_refusal(text, now_ms=NOW_MS) is UNREADABLE


@QUICK
@given(st.text(max_size=40))
def test_any_text_is_a_refusal_or_unreadable(text: str) -> None:
    """Reading one never fails."""
    assert read_refusal(text, now_ms=NOW_MS) is UNREADABLE
    assert read_cookie(text, now_s=NOW_S, max_age_s=WEEK) is None


def test_a_refusal_grants_nothing() -> None:
    """Saying nothing at all is none either."""
    assert is_refusal(ALL_DENIED)
    assert is_refusal(ALL_UNKNOWN)
    assert is_refusal(Signals.from_code("udud"))
    assert not is_refusal(ALL_GRANTED)
    assert not is_refusal(Signals.from_code("dddg"))


# --- derivatives ----------------------------------------------------------------------------------------------------


def test_a_derivative_is_the_same_every_time_and_for_nobody_else() -> None:
    """Another forwarder, site, visitor or key: another 16 bytes."""
    own = derive(KEY, "shop", "meta", ID)
    assert own == derive(KEY, "shop", "meta", ID)
    others = {
        derive(KEY, "shop", "google_analytics", ID),
        derive(KEY, "shop", "meta_outlet", ID),
        derive(KEY, "outlet", "meta", ID),
        derive(KEY, "shop", "meta", ID[::-1]),
        derive(b"l" * 32, "shop", "meta", ID),
    }
    assert own not in others
    assert len(others) == 5
    assert len(own) == 16


def test_names_cannot_be_shifted_into_each_other() -> None:
    """The site ``a`` with the forwarder ``bc`` is not the site ``ab`` with the forwarder ``c``."""
    assert derive(KEY, "a", "bc", ID) != derive(KEY, "ab", "c", ID)
    assert derive(KEY, "a", "b", "c" + ID) != derive(KEY, "a", "bc", ID)


def test_a_derivative_does_not_hold_the_id() -> None:
    """Nor any part of it that could be recognised."""
    assert ID.encode()[:4] not in derive(KEY, "shop", "meta", ID)
