"""Made-up personal data of every form the scrubber knows, for property tests."""

from hypothesis import strategies as st

_DIGITS = "0123456789"


def _luhn_digit(digits: str) -> str:
    total = 0
    for index, digit in enumerate(reversed(digits)):
        doubled = int(digit) * (2 if index % 2 == 0 else 1)
        total += doubled - 9 if doubled > 9 else doubled
    return str(-total % 10)


def _fodselsnummer(parts: tuple[int, int, int, int]) -> str | None:
    day, month, year, tail = parts
    nine = f"{day:02}{month:02}{year:02}{tail:03}"
    first = (
        -sum(int(digit) * weight for digit, weight in zip(nine, (3, 7, 6, 1, 8, 9, 4, 5, 2), strict=True))
        % 11
    )
    ten = f"{nine}{first}"
    if first == 10:
        return None
    second = (
        -sum(int(digit) * weight for digit, weight in zip(ten, (5, 4, 3, 2, 7, 6, 5, 4, 3, 2), strict=True))
        % 11
    )
    return None if second == 10 else f"{ten}{second}"


def _grouped(digits: str, sizes: tuple[int, ...], gap: str) -> str:
    groups, start = [], 0
    for size in sizes:
        groups.append(digits[start : start + size])
        start += size
    return gap.join(groups)


def _digits(length: int) -> st.SearchStrategy[str]:
    return st.text(_DIGITS, min_size=length, max_size=length)


EMAILS = st.builds(
    "{}@{}.{}".format,
    st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9._+-]{0,20}[A-Za-z0-9])?", fullmatch=True),
    st.from_regex(r"[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?", fullmatch=True),
    st.sampled_from(["no", "com", "co.uk", "example", "xn--p1ai"]),
)
PHONES = st.one_of(
    st.builds("+47{}{}".format, st.sampled_from("2345679"), _digits(7)),
    st.builds(
        "+47 {}{}".format,
        st.sampled_from("49"),
        _digits(7).map(lambda digits: _grouped(digits, (2, 2, 3), " ")),
    ),
    st.builds("0047{}{}".format, st.sampled_from("49"), _digits(7)),
    st.builds("+4670{}".format, _digits(7)),
    st.builds("+45 {}".format, _digits(8).map(lambda digits: _grouped("2" + digits[1:], (2, 2, 2, 2), " "))),
    st.builds("+1-212-{}-{}".format, st.sampled_from(["555", "734"]), _digits(4)),
)
NATIONAL_IDS = st.one_of(
    st.tuples(st.integers(1, 28), st.integers(1, 12), st.integers(0, 99), st.integers(0, 999))
    .map(_fodselsnummer)
    .filter(lambda number: number is not None)
    .map(str),
    st.builds(
        "{:02}{:02}{:02}-{}".format, st.integers(1, 28), st.integers(1, 12), st.integers(0, 99), _digits(4)
    ),
    st.builds(
        "{:02}{:02}{:02}{}".format, st.integers(0, 99), st.integers(1, 12), st.integers(1, 28), _digits(3)
    )
    .map(lambda nine: nine + _luhn_digit(nine))
    .map(lambda ten: f"{ten[:6]}-{ten[6:]}"),
)
CARDS = st.builds(
    lambda issuer, rest: issuer + rest[: 15 - len(issuer)],
    st.sampled_from(["4", "51", "55", "2221", "6011", "3530", "5019"]),
    _digits(15),
).flatmap(
    lambda digits: st.sampled_from(["", " ", "-"]).map(
        lambda gap: _grouped(digits + _luhn_digit(digits), (4, 4, 4, 4), gap)
    )
)
# An address that ends in .0, or in zeros after /48, is one that was truncated.
ADDRESSES = st.one_of(
    st.ip_addresses(v=4).map(str).filter(lambda text: not text.endswith(".0")),
    st.ip_addresses(v=6, network="2000::/3").filter(lambda address: any(address.packed[6:])).map(str),
)
PERSONAL = st.one_of(EMAILS, PHONES, NATIONAL_IDS, CARDS, ADDRESSES)

# What stands between personal data and the text around it: without any, digits would be part of other digits.
SEPARATE = st.sampled_from([" ", ",", ";", "|", "!", '"', "\n"])
