"""What is counted of a conversion, and on which day: pure functions."""

import sys
import zoneinfo
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.attribution import NO_CREDIT, Click, Credit
from proxy.campaign import Campaign
from proxy.entry import Entry, decode, encode
from proxy.event import Event
from proxy.fields import CLICK_IDS
from proxy.report.campaigns import Campaigns
from proxy.report.counting import APART, CLICKS, Counting, consented, keys_of, row_of, thousandths
from proxy.report.model import Consented
from proxy.signals import ALL_GRANTED, Signals
from proxy.store.outbox import Conversion
from proxy.zone import Days, zone_of
from tests.support import configs
from tests.support.events import NOW_MS, cookieless_event, full_event

MARK = "2026-11-22|purchase"


def told(
    event: Event | None = None, credit: Credit = NO_CREDIT, *parts: tuple[str, str, int, str]
) -> list[str]:
    """Return the lines that the report is told of a purchase."""
    one = Counting().conversion(
        MARK,
        event or Event("purchase", "e1", NOW_MS),
        ALL_GRANTED,
        credit,
        [(name, decided, None, held, names) for name, decided, held, names in parts],
        late=False,
    )
    assert isinstance(one, Conversion)
    assert (one.day, one.event) == ("2026-11-22", "purchase")
    assert one.text.endswith("\n")
    return one.text[:-1].split("\n")


class TestConsent:
    @pytest.mark.parametrize(
        ("code", "said"),
        [
            ("gggg", Consented.ALL),
            ("gddd", Consented.STATISTICS),
            ("guuu", Consented.STATISTICS),
            ("gggd", Consented.STATISTICS),
            ("dggg", Consented.ADS),
            ("uuug", Consented.ADS),
            ("dddd", Consented.DENIED),
            ("uddd", Consented.DENIED),
            ("duuu", Consented.DENIED),
            ("uuuu", Consented.UNKNOWN),
        ],
    )
    def test_a_visitor_is_in_one_of_five_classes(self, code: str, said: Consented) -> None:
        assert consented(Signals.from_code(code)) is said

    def test_every_state_is_in_one(self) -> None:
        codes = [a + b + c + d for a in "gdu" for b in "gdu" for c in "gdu" for d in "gdu"]
        assert {consented(Signals.from_code(code)) for code in codes} == set(Consented)


class TestMoney:
    @pytest.mark.parametrize(
        ("value", "amount"),
        [
            (19.99, 19_990),
            (0.1 + 0.2, 300),
            (1e-9, 0),
            (0, 0),
            (-49.5, -49_500),
            (1_000_000_000, 10**12),
            (1_000_000_001, None),
            (-1_000_000_001, None),
            (float("nan"), None),
            (float("inf"), None),
            (None, None),
        ],
    )
    def test_an_amount_is_a_whole_number_of_thousandths(
        self, value: float | None, amount: int | None
    ) -> None:
        assert thousandths(value) == amount

    @pytest.mark.parametrize(
        ("currency", "shown"), [("NOK", "NOK"), ("EUR", "EUR"), (None, "-"), ("XYZ", "-"), ("BTC", "-")]
    )
    def test_a_currency_that_nobody_knows_is_none(self, currency: str | None, shown: str) -> None:
        """There are 17,576 codes of three letters, and a stranger could make a counter of each."""
        assert told(Event("purchase", "e1", NOW_MS, value=10, currency=currency))[3:5] == [shown, "10000"]

    def test_without_a_value_there_is_no_currency_either(self) -> None:
        assert told(Event("purchase", "e1", NOW_MS, currency="NOK"))[3:5] == ["", ""]


class TestKeys:
    @pytest.mark.parametrize(
        ("held", "names", "keys"),
        [
            (0, "", []),
            (0, "fbp,external_id;em,ph", ["fbp", "external_id", "em", "ph"]),
            (0, "client_id,session_id;", ["client_id"]),
            (CLICK_IDS, "client_id,session_id;", ["client_id", "click_ids"]),
            (0, ";sha256_email_address", ["sha256_email_address"]),
            (0, "a|b,c\nd,ok", ["ok"]),
        ],
    )
    def test_those_by_which_a_vendor_finds_somebody_are_named(
        self, held: int, names: str, keys: list[str]
    ) -> None:
        assert list(keys_of(held, names)) == keys

    def test_they_are_counted_of_full_entries_alone(self) -> None:
        lines = told(
            None,
            NO_CREDIT,
            ("meta", "full|granted", 0, "fbp;em"),
            ("ads", "cookieless|no_identifier", 0, "gclid;"),
            ("microsoft", "drop|consent_denied", 0, ""),
        )
        assert lines[5:] == ["c|purchase|all", "k|purchase|meta|fbp", "k|purchase|meta|em"]


class TestClicks:
    @pytest.mark.parametrize(
        ("event", "credit", "clicked"),
        [
            (Event("purchase", "e", NOW_MS), NO_CREDIT, "0"),
            (Event("purchase", "e", NOW_MS, url="https://s.example/?gclid=Cj0Ktest"), NO_CREDIT, "1"),
            (Event("purchase", "e", NOW_MS, url="https://s.example/?mc_cid=abcdef"), NO_CREDIT, "0"),
            (Event("purchase", "e", NOW_MS, url="https://s.example/?_gl=1*abc"), NO_CREDIT, "0"),
            (Event("purchase", "e", NOW_MS, ids={"msclkid": "a" * 32}), NO_CREDIT, "1"),
            (Event("purchase", "e", NOW_MS, ids={"fbp": "fb.1.1.1"}), NO_CREDIT, "0"),
            (Event("purchase", "e", NOW_MS), Credit(None, {"wbraid": Click("x" * 20, 1)}), "1"),
        ],
    )
    def test_a_click_id_of_an_ad_network_counts(self, event: Event, credit: Credit, clicked: str) -> None:
        assert told(event, credit)[2] == clicked

    def test_so_does_one_that_a_vendor_s_cookie_holds(self) -> None:
        assert told(None, NO_CREDIT, ("meta", "full|granted", 0, "fbp,fbc;"))[2] == "1"

    def test_ids_of_mail_and_of_linkers_do_not(self) -> None:
        assert not CLICKS & {"mc_eid", "_gl", "_ga", "srsltid", "gad_source", "_hsenc", "mkt_tok"}
        assert {
            "gclid",
            "gbraid",
            "wbraid",
            "dclid",
            "fbclid",
            "fbc",
            "msclkid",
            "li_fat_id",
            "ttclid",
        } <= CLICKS


class TestCampaigns:
    def test_source_medium_and_campaign_are_one_field(self) -> None:
        assert row_of(Campaign("google", "cpc", "høst 2026")) == "google\x1fcpc\x1fhøst 2026"
        assert row_of(None) == APART * 2 == row_of(Campaign("", "", ""))

    @given(st.builds(Campaign, st.text(), st.text(), st.text()))
    @settings(max_examples=200, deadline=None)
    def test_nothing_in_a_name_can_end_a_field_or_a_line(self, campaign: Campaign) -> None:
        lines = told(None, Credit(campaign))
        assert lines[1].count(APART) == 2
        assert lines[5:] == ["c|purchase|all"]

    @given(
        st.lists(
            st.dictionaries(
                st.sampled_from(
                    [row_of(Campaign("s", "m", f"c{one}")).encode() for one in range(30)] + [b"*"]
                ),
                st.tuples(
                    st.integers(1, 50),
                    st.integers(0, 9),
                    st.dictionaries(st.sampled_from(["NOK", "-"]), st.integers()),
                ),
                max_size=20,
            ),
            max_size=8,
        ),
        st.integers(1, 40),
        st.integers(1, 40),
    )
    @settings(max_examples=200, deadline=None)
    def test_however_few_are_told_apart_their_sum_is_right(
        self, days: list[dict[bytes, tuple[int, int, dict[str, int]]]], most: int, room: int
    ) -> None:
        """What there is no room for is in the last row, and the others stand by their number."""
        campaigns = Campaigns(most=most, room=room)
        total, clicks, money = 0, 0, {"NOK": 0, "": 0}
        for day in days:
            rows = {}
            for name, (number, clicked, amounts) in day.items():
                words = [f"{currency} {amount}" for currency, amount in amounts.items()]
                rows[name] = " ".join([str(number), str(clicked), *words]).encode()
                total, clicks = total + number, clicks + clicked
                for currency, amount in amounts.items():
                    money[currency.replace("-", "")] += amount
            campaigns.add(rows)
        shown = campaigns.shown()
        assert sum(one.conversions for one in shown) == total
        assert sum(one.clicks for one in shown) == clicks
        assert {currency: sum(one.value.get(currency, 0) for one in shown) for currency in money} == money
        named = [one for one in shown if not one.other]
        assert len(named) <= most
        assert [one.conversions for one in named] == sorted((one.conversions for one in named), reverse=True)
        assert all(one.other for one in shown[len(named) :])
        assert len(shown) <= len(named) + 1


class TestDays:
    @pytest.mark.parametrize(
        ("zone", "at", "day"),
        [
            ("UTC", "2026-11-22T23:59:59.999+00:00", "2026-11-22"),
            ("Europe/Oslo", "2026-11-22T22:59:59.999+00:00", "2026-11-22"),
            ("Europe/Oslo", "2026-11-22T23:00:00+00:00", "2026-11-23"),
            ("Europe/Oslo", "2026-07-01T21:59:59+00:00", "2026-07-01"),
            ("Europe/Oslo", "2026-07-01T22:00:00+00:00", "2026-07-02"),
            ("America/New_York", "2026-11-23T04:59:59+00:00", "2026-11-22"),
            ("Pacific/Kiritimati", "2026-11-22T10:00:00+00:00", "2026-11-23"),
        ],
    )
    def test_a_day_ends_at_midnight_there(self, zone: str, at: str, day: str) -> None:
        at_ms = round(datetime.fromisoformat(at).timestamp() * 1000)
        assert Counting(zone_of(zone)).mark(Event("purchase", "e", 1), at_ms) == f"{day}|purchase"

    @given(
        st.sampled_from(
            ["Europe/Oslo", "America/Sao_Paulo", "Asia/Beirut", "Australia/Lord_Howe", "America/Havana"]
        ),
        st.lists(st.integers(0, 4_000_000_000_000), min_size=1, max_size=10),
        st.lists(st.integers(-90_000_000, 90_000_000), max_size=10),
    )
    @settings(max_examples=200, deadline=None)
    def test_it_is_the_same_however_it_was_remembered(
        self, name: str, times: list[int], steps: list[int]
    ) -> None:
        """Also where clocks are put forward or back at midnight."""
        zone = zone_of(name)
        days = Days(zone)
        for at_ms in [*times, *(max(times[-1] + step, 0) for step in steps)]:
            assert days.of(at_ms) == datetime.fromtimestamp(at_ms / 1000, zone).date().isoformat()

    def test_on_days_on_which_clocks_change_it_is_exact(self) -> None:
        for name, day in (("Europe/Oslo", date(2026, 3, 29)), ("Europe/Oslo", date(2026, 10, 25)),
                          ("America/Havana", date(2026, 11, 1)), ("Asia/Beirut", date(2026, 3, 29))):  # fmt: skip
            zone = zone_of(name)
            start = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=30)
            days = Days(zone)
            for minutes in range(0, 60 * 72, 10):
                at = start + timedelta(minutes=minutes)
                assert days.of(round(at.timestamp() * 1000)) == at.astimezone(zone).date().isoformat()

    def test_utc_is_known_where_no_other_is(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """As on a slim image without tzdata."""
        zoneinfo.reset_tzpath(to=())
        zoneinfo.ZoneInfo.clear_cache()
        monkeypatch.setitem(sys.modules, "tzdata", None)
        try:
            assert zone_of("UTC") is UTC
            with pytest.raises(ValueError, match="not a time zone of this machine"):
                zone_of("Europe/Oslo")
        finally:
            zoneinfo.reset_tzpath()

    @pytest.mark.parametrize("name", ["Europe/Olso", "", "CET+1", "../../etc/passwd", "Europe", "/etc/hosts"])
    def test_what_is_no_time_zone_is_a_problem_of_the_configuration(self, tmp_path: Path, name: str) -> None:
        """One that says what to do."""
        problems = configs.problems(tmp_path, f'[report]\ntimezone = "{name}"\n[sites.shop]\n')
        assert list(problems) == ["report.timezone"]
        words = str(problems["report.timezone"])
        assert "is not a time zone that this machine knows" in words
        assert "tzdata" in words


class TestMarks:
    @pytest.mark.parametrize(
        "entry",
        [
            Entry(full_event(), "ref", "visitor-1", NOW_MS, NOW_MS, "v1", (0, 0, 0, 0), MARK),
            Entry(cookieless_event(), "ref", None, NOW_MS, 0, "v1", mark=MARK),
            Entry(full_event(), "ref", "visitor-1", NOW_MS, NOW_MS, "v1"),
        ],
    )
    def test_an_entry_keeps_its_mark(self, entry: Entry) -> None:
        assert decode(encode(entry)) == entry

    def test_one_of_an_earlier_version_has_none(self) -> None:
        entry = Entry(cookieless_event(), "ref", None, NOW_MS, 0, "v1", mark=MARK)
        before = encode(entry).replace(f'"c":"{MARK}",'.encode(), b"")
        assert decode(before).mark is None
