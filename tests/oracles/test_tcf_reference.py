"""Our decoder of TC strings against the IAB's own: equal on what banners write, never more on anything else."""

import random
from collections.abc import Iterable, Iterator

import pytest

from proxy.signals import Value
from proxy.sources.iab import GOOGLE, LINKEDIN, MICROSOFT
from proxy.sources.tcf import said_tcf
from proxy.sources.tcf_decode import decode
from proxy.sources.tcf_string import TcString
from tests.support.reference import Reading, Reference, reading, state
from tests.support.tc_strings import NOW, TODAY, Wish, vendor_field, vendor_ranges

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
ACCEPTED = "CQuFeUAQuFeUAEsABAENCWFgAP_gAAAAABpwIzQBAF5gMZAZIBGYAAAAAAAA.IIzQBAF5gMZAZIBGYAAA.YAAAAAAAAAAA"
BY_KIND = {
    "an accepting string": ACCEPTED,
    "bit fields": Wish(
        consents=vendor_field((1, 5, 33)),
        vendor_interests=vendor_field((2,)),
        disclosed=vendor_field((1, 40)),
    ).text(),
    "ranges and restrictions": Wish(
        consents=vendor_ranges([(3, 3), (9, 40), (755, 755)]),
        disclosed=vendor_ranges([(1, 60), (755, 755)]),
        restrictions=[(2, 0, [(755, 755)]), (7, 1, [(3, 9), (40, 40)]), (9, 2, [(1, 1)])],
        allowed=vendor_ranges([(7, 9)]),
    ).text(),
    "bytes, not words": Wish(disclosed=None, publisher="1" * 48 + "000010" + "1001").text(8),
}


def never_more(texts: Iterable[str], reference: Reference) -> int:
    """Assert that whatever of these we understand, the reference reads just the same; return how many that were."""
    understood: list[tuple[str, Reading]] = []
    for text in texts:
        tc = decode(text)
        if isinstance(tc, TcString):
            understood.append((text, reading(tc)))
    for place in range(0, len(understood), 200):
        part = understood[place : place + 200]
        for (text, ours), theirs in zip(part, reference.read([text for text, _ in part]), strict=True):
            assert ours == theirs, text
    return len(understood)


def flipped(text: str) -> Iterator[str]:
    """Yield the string with each single bit of it turned over, one at a time."""
    for place, letter in enumerate(text):
        if letter != ".":
            for bit in range(6):
                other = ALPHABET[ALPHABET.index(letter) ^ (1 << bit)]
                yield text[:place] + other + text[place + 1 :]


def one_flip(text: str, rng: random.Random) -> str:
    """Return the string with one bit, taken at random, turned over."""
    place = rng.choice([place for place, letter in enumerate(text) if letter != "."])
    other = ALPHABET[ALPHABET.index(text[place]) ^ (1 << rng.randrange(6))]
    return text[:place] + other + text[place + 1 :]


@pytest.mark.parametrize("seed", range(10))
def test_random_states_read_as_they_were_written(reference: Reference, seed: int) -> None:
    """What the reference writes, we read as it was meant: ten times three hundred random states, none refused."""
    rng = random.Random(seed)  # noqa: S311 - test data
    for _ in range(300):
        wanted = state(rng)
        text = reference.ask("write", wanted)
        tc = decode(text)
        assert isinstance(tc, TcString), (tc, text)
        ours = reading(tc)
        assert ours.pop("version") == 2
        ours["restrictions"].sort()
        wanted["restrictions"].sort()
        assert ours == wanted, text


@pytest.mark.parametrize("kind", BY_KIND)
def test_our_pen_writes_what_the_reference_reads(reference: Reference, kind: str) -> None:
    """The strings that other tests are built on are proper ones: both decoders understand them, and alike."""
    assert never_more([BY_KIND[kind]], reference) == 1


@pytest.mark.parametrize("kind", BY_KIND)
def test_no_prefix_is_read_for_more_than_the_reference_reads(reference: Reference, kind: str) -> None:
    """A string cut off anywhere is refused, or is read exactly as the reference reads it."""
    text = BY_KIND[kind]
    prefixes = [text[:end] for end in range(len(text))]
    assert never_more(prefixes, reference) < len(prefixes) / 4


@pytest.mark.parametrize("kind", BY_KIND)
def test_no_flipped_bit_grants_more_than_the_reference_reads(reference: Reference, kind: str) -> None:
    """With any one bit turned over, a string is refused, or is read exactly as the reference reads it."""
    assert never_more(flipped(BY_KIND[kind]), reference) > 0


def test_no_two_flipped_bits_grant_more_than_the_reference_reads(reference: Reference) -> None:
    """The same with two bits turned over, taken at random."""
    rng = random.Random(2)  # noqa: S311 - test data
    texts = list(BY_KIND.values())
    twice = [one_flip(one_flip(rng.choice(texts), rng), rng) for _ in range(5000)]
    assert never_more(twice, reference) > 0


def test_random_states_cut_and_flipped(reference: Reference) -> None:
    """Longer strings of every shape, cut and flipped at random places: never more than the reference reads."""
    rng = random.Random(3)  # noqa: S311 - test data
    damaged: list[str] = []
    for _ in range(60):
        text = reference.ask("write", state(rng))
        damaged += [text[: rng.randrange(len(text))] for _ in range(10)]
        damaged += (one_flip(text, rng) for _ in range(10))
        damaged += (text + extra for extra in ("A", "AA", "AAAA", ".", "=", ".YAAAAAAAAAAA", " "))
    assert never_more(damaged, reference) > 0


NEEDS = {
    GOOGLE: ({1}, {1, 7}, {3, 4}),
    LINKEDIN: ({1}, {1, 7}, {3, 4}),
    MICROSOFT: ({1}, {1, 7, 9, 10}, {2, 3, 4}),
}


def among(ranges: list[int], one: int) -> bool:
    """Tell whether an id is in ranges as the reference says them."""
    return any(start <= one <= end for start, end in zip(ranges[::2], ranges[1::2], strict=True))


def test_no_vendor_is_granted_what_the_reference_does_not_read(reference: Reference) -> None:
    """Down to the signal: behind each grant, in whole and damaged strings, stands what the reference itself reads."""
    rng = random.Random(6)  # noqa: S311 - test data
    texts: list[str] = []
    for _ in range(40):
        vendors = vendor_ranges([(700, 810), (1126, 1126)])
        wish = Wish(
            consents=vendors,
            vendor_interests=vendors,
            disclosed=vendors,
            purposes=[one for one in range(1, 12) if rng.random() < 0.9],
            restrictions=[(rng.randint(1, 11), rng.randrange(3), [(700, 810)])] if rng.random() < 0.5 else (),
        )
        whole = wish.text(rng.choice((8, 24)))
        texts += [whole, *(one_flip(whole, rng) for _ in range(100)), *(whole[:n] for n in range(len(whole)))]
    granted = 0
    for text, theirs in zip(texts, reference.read(texts), strict=True):
        for vendor, needs in NEEDS.items():
            listed = vendor.listed or 0
            values = said_tcf(text, None, NOW, vendor).signals.values()
            assert values[0] is not Value.GRANTED
            for value, need in zip(values[1:], needs, strict=True):
                if value is Value.GRANTED:
                    granted += 1
                    assert all(among(theirs["purposes"], purpose) for purpose in need), text
                    assert among(theirs["vendor_consents"], listed), text
                    assert theirs["disclosed"] is not None
                    assert among(theirs["disclosed"], listed), text
                    assert theirs["service_specific"]
                    assert theirs["policy_version"] in {4, 5}
                    for purpose, kind, vendors in theirs["restrictions"]:
                        assert not (purpose in need and kind != 1 and among(vendors, listed)), text
    assert granted > 1000


def test_letters_at_random_are_never_read_for_more(reference: Reference) -> None:
    """Noise behind a proper beginning: what we take for a string, the reference takes for the same."""
    rng = random.Random(4)  # noqa: S311 - test data
    head = ACCEPTED[:36]
    noise = [head + "".join(rng.choices(ALPHABET + "....", k=rng.randint(0, 60))) for _ in range(3000)]
    never_more(noise, reference)


def test_a_banner_of_real_size_reads_alike(reference: Reference) -> None:
    """Accepting and refusing all, over a vendor list of real size, by the reference's whole encoder."""
    rng = random.Random(5)  # noqa: S311 - test data
    known = sorted(rng.sample(range(1, 4200), 1372))
    every = list(range(1, 12))
    strings = [
        reference.ask("banner", {"known": known, "accepted": a, "purposes": p, "updated_at": TODAY})
        for a, p in ((known, every), ([], []), (known[::7], every), (known[:3], [1]))
    ]
    assert max(map(len, strings)) > 2000
    assert never_more(strings, reference) == 4
