"""Google's Consent Mode as a tag states it in a request: ``gcs`` and ``gcd`` in. Pure.

``gcd`` follows the public tag (build of 2024-08), as ``forwarders/_consent_mode.py`` does on the way out. What Google
presumes where a site set nothing is a presumption, no consent: it is read as unknown.
"""

from proxy.signals import ALL_UNKNOWN, Signals, Value
from proxy.sources.said import GARBLED, SILENT, Said

_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_"
_INDEX = {letter: index for index, letter in enumerate(_ALPHABET)}
_LONGEST = 128
# The state that a command set: two bits. Zero occurs nowhere.
_STATE = {1: Value.UNKNOWN, 2: Value.DENIED, 3: Value.GRANTED}


def _letters() -> dict[str, tuple[Value, Value]]:
    """Return for each letter what it comes to (update, else default, else declaration), and the update alone."""
    letters: dict[str, tuple[Value, Value]] = {}
    for declared in (1, 2, 3):
        for default in (1, 2, 3):
            for update in (1, 2, 3):
                strongest = next((state for state in (update, default, declared) if state != 1), 1)
                letter = _ALPHABET[declared * 16 + default * 4 + update]
                letters[letter] = (_STATE[strongest], _STATE[update])
    return letters


_LETTERS = _letters()
# The digit before a letter: delegation and what Google presumes, of which two bits are never zero.
_DIGITS = frozenset(letter for letter, index in _INDEX.items() if index % 4)
_GCS = {"1": Value.GRANTED, "0": Value.DENIED, "-": Value.UNKNOWN}
_ACTIVE, _GPC = 4, 8
_NOT_PERSONALISED = 3
_LEAST = 10


def read(gcs: str | None, gcd: str | None, *, defaults_grant: bool = True) -> Said:
    """Return what the two parameters of a tag's request say of consent.

    Where they contradict each other the stricter counts: denied before unknown before granted. Characters appended to
    either are ignored. A banner that was not answered shows as denied where the site's default is denied.

    Args:
        gcs: ``G1``, then ``ad_storage`` and ``analytics_storage``: 1, 0, or ``-`` for unset. None if absent.
        gcd: the longer form, of four signals. None if absent.
        defaults_grant: whether a site's own default of *granted*, which the visitor has not touched, counts as
            granted, as it does for Google's tag. If not, only what the visitor chose is granted; and as ``gcs``
            cannot tell the two apart, it then only ever lowers.
    """
    short = _read_gcs(gcs) if gcs else None
    long = _read_gcd(gcd, defaults_grant) if gcd else None
    if short is GARBLED or long is GARBLED:
        return GARBLED
    if short is None:
        return long or SILENT
    if long is None:
        return _without_grants(short) if not defaults_grant else short
    ours, theirs = long.signals, short.signals
    signals = Signals.of(
        _stricter(ours.analytics_storage, theirs.analytics_storage),
        _stricter(ours.ad_storage, theirs.ad_storage),
        ours.ad_user_data,
        ours.ad_personalization,
    )
    return _said(signals, chosen=long.chosen)


def _read_gcs(text: str) -> Said:
    if len(text) < 4 or len(text) > _LONGEST or not text.startswith("G1"):
        return GARBLED
    ad, analytics = _GCS.get(text[2]), _GCS.get(text[3])
    if ad is None or analytics is None:
        return GARBLED
    return _said(Signals.of(analytics, ad, Value.UNKNOWN, Value.UNKNOWN))


def _read_gcd(text: str, defaults_grant: bool) -> Said:
    """Read ``1``, four pairs of digit and letter, a flag; whatever follows are defaults of a container, or new."""
    if len(text) < _LEAST or len(text) > _LONGEST or text[0] != "1":
        return GARBLED
    if not _DIGITS.issuperset(text[1:9:2]):
        return GARBLED
    flag = _INDEX.get(text[9])
    found = [_LETTERS.get(letter) for letter in text[2:9:2]]
    if flag is None or not flag % 4 or flag >= 16:
        return GARBLED
    values: list[Value] = []
    chosen = False
    for pair in found:
        if pair is None:
            return GARBLED
        come_to, updated = pair
        chosen = chosen or updated is not Value.UNKNOWN
        if come_to is Value.GRANTED and updated is not Value.GRANTED and not defaults_grant:
            come_to = Value.UNKNOWN
        values.append(come_to)
    ad, analytics, user_data, personal = values
    if not flag & _ACTIVE and Value.GRANTED in values:
        return GARBLED  # consent mode is off, and yet something is granted by it
    if flag & _GPC or flag % 4 == _NOT_PERSONALISED:
        personal = Value.DENIED
    return _said(Signals.of(analytics, ad, user_data, personal), chosen=chosen)


def _stricter(one: Value, other: Value) -> Value:
    if Value.DENIED in (one, other):
        return Value.DENIED
    return one if one is other else Value.UNKNOWN


def _without_grants(said: Said) -> Said:
    lowered = [Value.UNKNOWN if value is Value.GRANTED else value for value in said.signals.values()]
    return _said(Signals.of(lowered[0], lowered[1], lowered[2], lowered[3]))


def _said(signals: Signals, *, chosen: bool = True) -> Said:
    return SILENT if signals is ALL_UNKNOWN else Said(signals, chosen=chosen)
