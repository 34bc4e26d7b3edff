"""Where a truncated address is, from a file made here."""

from pathlib import Path
from typing import Any

import pytest
from mmdb_writer import MMDBWriter
from netaddr import IPSet  # type: ignore[import-untyped]

from proxy.geo import Geo, GeoError, Place


def write(path: Path, records: dict[str, Any], kind: str = "GeoLite2-City", version: int = 6) -> str:
    """Write a database of networks to records."""
    writer = MMDBWriter(ip_version=version, database_type=kind, ipv4_compatible=version == 6)
    for network, record in records.items():
        writer.insert_network(IPSet([network]), record)
    writer.to_db_file(str(path))
    return str(path)


@pytest.fixture
def city(tmp_path: Path) -> Geo:
    """Make a database of the shapes that GeoLite2 and DB-IP use."""
    records = {
        "203.0.113.0/24": {"country": {"iso_code": "NO"}, "subdivisions": [{"iso_code": "03"}]},
        "198.51.100.0/24": {
            "country": {"iso_code": "GB"},
            "subdivisions": [{"iso_code": "ENG"}, {"iso_code": "LND"}],
        },
        "192.0.2.0/24": {
            "country": {"iso_code": "DK"},
            "subdivisions": [{"names": {"en": "Capital Region"}}],
        },
        "2001:db8:1::/48": {"country": {"iso_code": "se"}},
        "9.9.9.0/24": {"registered_country": {"iso_code": "US"}},
        "9.9.8.0/24": {"country": "NO", "subdivisions": "03"},
        "9.9.7.0/24": {"country": {"iso_code": "Norway"}},
        "9.9.6.0/24": {"country": {"iso_code": "NO"}, "subdivisions": [{"iso_code": "too long"}]},
    }
    return Geo(write(tmp_path / "city.mmdb", records))


@pytest.mark.parametrize(
    ("truncated", "place"),
    [
        ("203.0.113.0", Place("NO", "NO-03")),
        ("198.51.100.0", Place("GB", "GB-ENG")),
        ("192.0.2.0", Place("DK", None)),
        ("2001:db8:1::", Place("SE", None)),
        ("2001:db8:2::", Place(None, None)),
        ("9.9.9.0", Place(None, None)),
        ("9.9.8.0", Place(None, None)),
        ("9.9.7.0", Place(None, None)),
        ("9.9.6.0", Place("NO", None)),
        ("127.0.0.0", Place(None, None)),
        ("junk", Place(None, None)),
    ],
)
def test_place_of_an_address(city: Geo, truncated: str, place: Place) -> None:
    """Country and region by code; what has no proper code is not guessed."""
    assert city.locate(truncated) == place
    assert city.locate(truncated) == place  # and again, from the cache


def test_without_a_file_nothing_is_known() -> None:
    """Location is optional."""
    assert Geo(None).locate("203.0.113.0") == Place(None, None)


def test_country_file(tmp_path: Path) -> None:
    """A Country database gives the country alone, an IPv4-only one nothing for IPv6."""
    records = {"203.0.113.0/24": {"country": {"iso_code": "NO"}}}
    geo = Geo(write(tmp_path / "country.mmdb", records, "DBIP-Country-Lite", 4))
    assert geo.locate("203.0.113.0") == Place("NO", None)
    assert geo.locate("2001:db8:1::") == Place(None, None)
    assert geo.failures == 0


def test_close_forgets_the_file(tmp_path: Path) -> None:
    """After closing, new look-ups know nothing."""
    geo = Geo(write(tmp_path / "city.mmdb", {"203.0.113.0/24": {"country": {"iso_code": "NO"}}}))
    geo.close()
    geo.close()
    assert geo.locate("203.0.113.0") == Place(None, None)


def test_missing_file_is_named(tmp_path: Path) -> None:
    """The operator learns which file is not there."""
    path = str(tmp_path / "none.mmdb")
    with pytest.raises(GeoError, match="no such file") as caught:
        Geo(path)
    assert path in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"not a database", b"\xab\xcd\xefMaxMind.com" + b"\xff" * 40])
def test_corrupt_file_is_refused(tmp_path: Path, content: bytes) -> None:
    """A file that is something else stops the start instead of locating nobody."""
    path = tmp_path / "bad.mmdb"
    path.write_bytes(content)
    with pytest.raises(GeoError, match="not a readable MaxMind database"):
        Geo(str(path))


def test_damage_found_later_costs_the_place_only(tmp_path: Path) -> None:
    """A damaged record gives no place, is counted, and never fails an event."""
    path = Path(write(tmp_path / "city.mmdb", {"203.0.113.0/24": {"country": {"iso_code": "NO"}}}))
    content = path.read_bytes()
    start = content.index(b"\x00" * 16, 0) + 16
    end = content.rindex(b"\xab\xcd\xefMaxMind.com")
    path.write_bytes(content[:start] + b"\xff" * (end - start) + content[end:])
    geo = Geo(str(path))
    assert geo.locate("203.0.113.0") == Place(None, None)
    assert geo.failures == 1


def test_database_of_something_else_is_refused(tmp_path: Path) -> None:
    """An ASN file opens well and knows no country: that is said at the start."""
    path = write(
        tmp_path / "asn.mmdb", {"203.0.113.0/24": {"autonomous_system_number": 64500}}, "GeoLite2-ASN"
    )
    with pytest.raises(GeoError, match="GeoLite2-ASN"):
        Geo(path)
