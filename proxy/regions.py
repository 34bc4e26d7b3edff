"""Which countries the EEA consists of. Data only."""

# European Union (27) plus Iceland, Liechtenstein and Norway. ISO 3166-1 alpha-2.
EEA = frozenset(
    "AT BE BG HR CY CZ DK EE FI FR DE GR HU IE IT LV LT LU MT NL PL PT RO SK SI ES SE IS LI NO".split()
)


def in_eea(country: str | None) -> bool:
    """Tell whether a visitor counts as one in the EEA. Unknown counts as inside: the stricter rules then apply."""
    return country is None or country in EEA
