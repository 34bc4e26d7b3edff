"""Our reader of GPP strings against the IAB's own: no opt-out is ever missed that the reference sees."""

import random
from collections.abc import Iterable
from typing import Any

import pytest

from proxy.sources.gpp import Gpp, decode_gpp
from proxy.sources.gpp_us import US_SECTIONS, UsChoice, decode_us
from tests.support.reference import Reference
from tests.support.tc_strings import Wish

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
SALE, SHARING, TARGETED = "SaleOptOut", "SharingOptOut", "TargetedAdvertisingOptOut"
FIELDS: dict[str, tuple[str, ...]] = {
    "usnat": (SALE, SHARING, TARGETED),
    "usca": (SALE, SHARING),
    **dict.fromkeys(
        "usva usco usut usct usfl usmt usor ustx usde usia usne usnh usnj ustn usmn usmd usin usky usri".split(),
        (SALE, TARGETED),
    ),
}
NO_GPC = frozenset({"usva", "usut", "usfl", "usin", "usky", "usri"})


def made(rng: random.Random, names: Iterable[str]) -> tuple[dict[str, dict[str, Any]], UsChoice]:
    """Make up US sections; return them, and what they say together."""
    sections: dict[str, dict[str, Any]] = {}
    opted_out = gpc = False
    for name in names:
        fields: dict[str, Any] = {field: rng.choice((0, 2, 2, 1)) for field in FIELDS[name]}
        opted_out |= 1 in fields.values()
        if name not in NO_GPC and rng.random() < 0.5:
            fields["Gpc"] = rng.random() < 0.5
            gpc |= fields["Gpc"]
        sections[name] = fields
    return sections, UsChoice(opted_out, gpc)


@pytest.mark.parametrize("name", FIELDS)
def test_every_us_section_reads_as_it_was_written(reference: Reference, name: str) -> None:
    """Each opt-out of each state's section is found where that state keeps it."""
    rng = random.Random(name)  # noqa: S311 - test data
    for _ in range(40):
        sections, expected = made(rng, [name])
        text = reference.ask("writeGpp", sections)
        found = decode_gpp(text)
        assert isinstance(found, Gpp), text
        assert found.us == expected, text


def test_several_sections_read_as_they_were_written(reference: Reference) -> None:
    """Headers with ranges and single sections; opt-outs of all sections together."""
    rng = random.Random(1)  # noqa: S311 - test data
    for _ in range(300):
        sections, expected = made(rng, rng.sample(list(FIELDS), rng.randint(1, 8)))
        if rng.random() < 0.5:
            opted_out = rng.random() < 0.5
            sections["uspv1"] = {"Notice": "Y", "OptOutSale": "Y" if opted_out else "N", "LspaCovered": "-"}
            expected = UsChoice(expected.opted_out or opted_out, expected.gpc)
        text = reference.ask("writeGpp", sections)
        found = decode_gpp(text)
        assert isinstance(found, Gpp), text
        assert len(found.sections) == len(sections)
        assert found.us == expected, text


def test_europes_section_is_handed_on_unchanged(reference: Reference) -> None:
    """The TC string that the reference wrote into a GPP string comes out of ours."""
    text = reference.ask(
        "writeGpp", {"tcfeuv2": {"CmpId": 31, "PurposeConsents": [True] * 11 + [False] * 13}}
    )
    found = decode_gpp(text)
    assert isinstance(found, Gpp)
    assert found.sections == {2: text.split("~")[1]}


def test_no_opt_out_is_missed_in_damaged_strings(reference: Reference) -> None:
    """Cut off or with a bit turned over: whatever we understand, the reference sees no opt-out that we do not."""
    rng = random.Random(2)  # noqa: S311 - test data
    damaged: list[str] = []
    for _ in range(120):
        text = reference.ask("writeGpp", made(rng, rng.sample(list(FIELDS), rng.randint(1, 3)))[0])
        damaged += [text[:end] for end in range(len(text))]
        for place, letter in enumerate(text):
            if letter not in ".~":
                flipped = ALPHABET[ALPHABET.index(letter) ^ (1 << rng.randrange(6))]
                damaged.append(text[:place] + flipped + text[place + 1 :])
    understood = {text: found for text in damaged if isinstance(found := decode_gpp(text), Gpp)}
    assert len(understood) > 500
    for (text, ours), theirs in zip(
        understood.items(), reference.ask("readManyGpp", list(understood)), strict=True
    ):
        if "error" in theirs:
            # Canada's section, which we leave alone, and which grants nothing here.
            assert set(ours.sections) == {5}, text
            continue
        for section, said in theirs.items():
            if said is not None:
                part = decode_us(int(section), ours.sections[int(section)])
                assert part == UsChoice(said["opted_out"], said["gpc"]), text


def test_all_sections_of_the_reference_are_known(reference: Reference) -> None:
    """A section that the reference learns of is one that we must learn of."""
    text = reference.ask("writeGpp", {name: {} for name in FIELDS} | {"uspv1": {"OptOutSale": "N"}})
    assert text
    assert len(US_SECTIONS) == len(FIELDS) + 1
    assert reference.ask("knownGpp", None) == sorted([2, 5, *US_SECTIONS])


def test_a_string_of_ours_is_read_by_the_reference(reference: Reference) -> None:
    """Our own pen's TC string within a GPP string is one for the reference as well."""
    assert reference.ask("readGpp", f"DBABMA~{Wish().text()}") == {"2": None}
