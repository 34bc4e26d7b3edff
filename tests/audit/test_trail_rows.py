"""Rows of the trail: what they say, that they name nobody, and that what they say comes out of one record alone."""

import re
from dataclasses import replace
from pathlib import Path

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.audit.rows import mark_of, minute_of, rows_of
from proxy.audit.trail import decided, sent, snapshot, source_class, whose
from proxy.consent import UNREADABLE, Record
from proxy.event import Event, UserData, Visit
from proxy.fields import BIT, NAMES, filled, mask_of, names_of, reported
from proxy.reasons import Reason
from proxy.signals import ALL_GRANTED, UNKNOWN_STATE, ConsentState
from tests.support.events import cookieless_event, full_event

KEY = bytes(range(32))
PARTS = Path(__file__).resolve().parents[2] / "proxy" / "loader" / "parts"
RECORD = Record(ALL_GRANTED, "page", 1_795_341_600_000, times=(1_795_341_600_000,) * 4)
STATE = ConsentState(ALL_GRANTED, (Reason.GRANTED,) * 4, "page", 1_795_341_600_000, explicit=True)
STREAM_ID = "1795341659999-3"


def record(*events: bytes, marks: str, full: str = "") -> dict[bytes, bytes]:
    """Return a record of the trail as the accepting script writes it."""
    return {b"a": b"[%b]" % b",".join(events), b"m": f"{marks}.".encode(), b"x": full.encode()}


def one(ref: str = "ab12", visitor: str | None = "v" * 22) -> bytes:
    """Return what is said of an event that goes to one forwarder in full, and to another not at all."""
    had = mask_of(("event_id", "name", "time_ms", "url", "contact", "ids", "click_ids", "visitor"))
    kept = mask_of(("event_id", "name", "time_ms", "url", "ids", "contact"))
    parts = [
        ("ga", "full|granted", None, kept, "client_id;"),
        ("meta", "drop|consent_denied", "ad_storage", 0, ""),
    ]
    return decided(KEY, 20_779, ref, "shop", visitor, STATE, RECORD, "abcdefabcdef", had, parts)


def test_a_decision_is_a_row_for_each_forwarder_with_the_names_of_what_it_got_and_did_not() -> None:
    """No time but the minute, no value of any field."""
    full, dropped = rows_of(STREAM_ID, record(one(), marks="1"))
    assert full["kind"] == "decided"
    assert full["t"] == "2026-11-22T10:00Z" or str(full["t"]).startswith("2026-")
    assert (full["forwarder"], full["decision"], full["reason"]) == ("ga", "full", "granted")
    assert full["fields"] == ["event_id", "name", "time_ms", "url", "ids", "contact", "ids.client_id"]
    assert full["removed"] == ["contact", "click_ids", "visitor"]
    assert full["signals"] == "gggg"
    assert full["source"] == "page"
    assert full["policy"] == "abcdefabcdef"
    assert (dropped["decision"], dropped["signal"], dropped["outcome"]) == ("drop", "ad_storage", "dropped")
    assert dropped["fields"] == []


def test_duplicates_refused_events_and_full_outboxes_are_told_apart() -> None:
    """Only the script knows which they are."""
    found = rows_of(STREAM_ID, record(one("r0"), one("r1"), b"null", one("r3"), marks="1021", full="4:1"))
    assert [row["ref"] for row in found] == ["r0", "r0", "r1", "r1", "r3", "r3"]
    assert {row["reason"] for row in found if row["ref"] == "r1"} == {"duplicate"}
    assert [row.get("outcome_reason") for row in found if row["ref"] == "r3"] == ["outbox_full", None]


def test_what_cannot_be_read_is_a_row_that_says_so() -> None:
    """It must not keep the ledger from everything else."""
    for fields in ({}, {b"a": b"["}, {b"a": b"[[1]]", b"m": b"1"}, {b"s": b"[[]]", b"w": b"shop|ga"}):
        assert [row["kind"] for row in rows_of(STREAM_ID, fields)] == ["unreadable"]


def test_an_ended_entry_tells_its_status_and_what_was_sent() -> None:
    """And nothing of the vendor's words."""
    note = sent(full_event(), 200)
    said = orjson.dumps([["ended", "ab12", "f", "p1", "delivered|accepted", note, "1", "0"]])
    (row,) = rows_of(STREAM_ID, {b"s": said, b"w": b"shop|meta"})
    assert row["status"] == 200
    assert row["first"] is True
    assert (row["mode"], row["outcome"], row["reason"]) == ("full", "delivered", "accepted")
    assert "name" in row["fields"]  # type: ignore[operator]  # a list


@given(st.text(min_size=1, max_size=30), st.text(min_size=1, max_size=30))
@settings(max_examples=100, deadline=None)
def test_two_events_of_one_visitor_have_nothing_in_common(first: str, second: str) -> None:
    """Neither the snapshot's hash nor whose they are, whatever the two refs."""
    if first == second:
        return
    rows = [
        rows_of(STREAM_ID, record(one(orjson.dumps(ref).decode()), marks="1"))[0] for ref in (first, second)
    ]
    assert rows[0]["consent"] != rows[1]["consent"]
    assert rows[0]["whose"] != rows[1]["whose"]


def test_whose_a_row_is_can_be_found_with_the_days_key_and_the_id_alone() -> None:
    """Another key, another id or another site finds nothing."""
    row = rows_of(STREAM_ID, record(one(), marks="1"))[0]
    assert row["whose"] == whose(KEY, "ab12", "shop", "v" * 22)
    for key, site, visitor in (
        (bytes(32), "shop", "v" * 22),
        (KEY, "other", "v" * 22),
        (KEY, "shop", "w" * 22),
    ):
        assert row["whose"] != whose(key, "ab12", site, visitor)
    assert "whose" not in rows_of(STREAM_ID, record(one(visitor=None), marks="1"))[0]


def test_every_part_of_the_consent_counts_in_its_snapshot() -> None:
    """So that a row can be held against the record."""
    texts = {
        snapshot("r", "v", STATE, RECORD, "p"),
        snapshot("r", "w", STATE, RECORD, "p"),
        snapshot("r", "v", UNKNOWN_STATE, RECORD, "p"),
        snapshot("r", "v", replace(STATE, gpc=True), RECORD, "p"),
        snapshot("r", "v", STATE, replace(RECORD, source="event"), "p"),
        snapshot("r", "v", STATE, replace(RECORD, times=(1, 2, 3, 4)), "p"),
        snapshot("r", "v", STATE, replace(RECORD, denied_at=(1, 2, 3, 4)), "p"),
        snapshot("r", "v", STATE, RECORD, "q"),
        snapshot("r", "v", STATE, None, "p"),
        snapshot("r", "v", STATE, UNREADABLE, "p"),
    }
    assert len(texts) == 10


def test_a_page_cannot_write_into_the_trail_by_its_name() -> None:
    """A source may be called whatever a page likes; rows know only ours."""
    assert source_class("kari@example.com") == "other"
    assert source_class("page") == "page"
    assert source_class("cookiebot/onetrust") == "cookiebot/onetrust"
    assert source_class("cookiebot/kari") == "other"
    assert source_class("") == "none"
    platforms = re.findall(
        r"^      ([a-z_0-9]+): \[", (PARTS / "cmp.js").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert len(platforms) >= 17
    assert [name for name in ("gtag", *platforms) if source_class(name) != name] == []


def test_the_names_of_ids_are_names_and_nothing_else() -> None:
    """A forwarder of one's own may do as it likes; what is no name is left out."""
    parts = [("own", "full|granted", None, 0, "kari@example.com,good;bad one")]
    raw = decided(KEY, 1, "r", "shop", None, STATE, None, "p", 0, parts)
    assert rows_of(STREAM_ID, record(raw, marks="1"))[0]["fields"] == ["ids.good"]


def test_the_same_record_gives_the_same_rows_and_a_mark_that_hides_its_time() -> None:
    """Whoever goes on after a crash must find where it was."""
    fields = record(one("r0"), one("r1"), marks="11")
    assert rows_of(STREAM_ID, fields) == rows_of(STREAM_ID, fields)
    assert mark_of(KEY, 0, STREAM_ID) != mark_of(KEY, 1, STREAM_ID) != mark_of(KEY, 0, "1795341659999-4")
    assert "17953" not in mark_of(KEY, 0, STREAM_ID)


def test_every_field_of_an_event_has_a_bit() -> None:
    """And the sets are read back as they were written."""
    assert set(full_event().__slots__) | set(cookieless_event().__slots__) <= set(NAMES)
    assert names_of(mask_of(NAMES)) == list(NAMES)
    assert len(set(BIT.values())) == len(NAMES)
    full = full_event()
    assert set(names_of(filled(full))) == {
        name for name in full.__slots__ if getattr(full, name) not in (None, "", {}, [])
    }


def test_all_that_an_event_had_is_named() -> None:
    """What is then kept from a forwarder is the difference."""
    event = Event(
        "purchase",
        "e1",
        1,
        url="u",
        referrer="r",
        title="t",
        params={"a": 1},
        items=[{"item_id": "1"}],
        value=0.0,
        currency="NOK",
        transaction_id="T",
        user_data=UserData(email="a@b.no"),
        user_id="u",
        user_properties={"a": 1},
        language="nb",
        screen="1x1",
        ids={"fbp": "x"},
        session_id="1",
        hit={"v": "2"},
    )
    visit = Visit("agent", "203.0.113.0", "NO", "NO-03", "nb", {"_ga": "x"})
    had = reported(event, visit, visitor=True, click_ids=True)
    assert set(names_of(had)) == set(NAMES) - {"signals", "explicit", "random_id"}
    bare = reported(Event("page_view", "e1", 1), Visit(), visitor=False, click_ids=False)
    assert names_of(bare) == ["event_id", "name", "time_ms"]


def test_minutes_are_utc() -> None:
    """Whatever zone the machine is in."""
    assert minute_of(0) == "1970-01-01T00:00Z"
    assert minute_of(59_999) == "1970-01-01T00:00Z"
