"""What the dashboard says: complete in both languages, a plain word for everything that can turn up."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from proxy.dashboard import page
from proxy.dashboard.answers_by_day import Unit
from proxy.dashboard.period import Compare, Period
from proxy.dashboard.question import Mistake
from proxy.dashboard.words import words
from proxy.delivery.backoff import State
from proxy.languages import LANGUAGES
from proxy.reasons import OutcomeReason, Reason
from proxy.report.model import Consented

TEMPLATES = Path(page.__file__).parent / "templates"
FORBIDDEN = {
    "en": re.compile(r"match quality|conversions in (Meta|Google)|\bmodelled conversions", re.IGNORECASE),
    "nb": re.compile(
        r"matchkvalitet|konverteringer i (Meta|Google)|modellerte konverteringer", re.IGNORECASE
    ),
}


def texts(found: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, str]]:
    """Yield every text with its path."""
    for key, value in found.items():
        if isinstance(value, dict):
            yield from texts(value, f"{path}{key}.")
        elif isinstance(value, list):
            yield from ((f"{path}{key}.{at}", one) for at, one in enumerate(value))
        else:
            yield path + key, value


def placeholders(text: str) -> set[str]:
    """Return the names to be filled in."""
    return {part.partition("}")[0] for part in text.split("{")[1:]}


def test_both_languages_say_the_same_things() -> None:
    """A text that exists in one language exists in the other, with the same places to fill in."""
    english, norwegian = ({path: placeholders(text) for path, text in texts(words(one))} for one in LANGUAGES)
    assert english == norwegian


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_closed_set_has_its_words(language: str) -> None:
    """No reason, answer, state, period or mistake can turn up without plain words, reasons with what to do as well."""
    said = words(language)
    assert said["reasons"].keys() == {*Reason}
    assert said["outcomes"].keys() == {*OutcomeReason}
    for section in ("reasons", "outcomes"):
        for why, entry in said[section].items():
            assert entry.keys() == {"what", "do"}, why
            assert all(entry.values()), why
    assert said["consent"]["kinds"].keys() == said["consent"]["short"].keys() == {*Consented}
    for section in ("per", "units", "figures"):
        assert said["consent"][section].keys() == {*Unit}
    assert said["health"]["states"].keys() == {*State}
    assert said["bar"]["periods"].keys() == {*Period}
    assert said["bar"]["compares"].keys() == {*Compare}
    assert said["mistakes"].keys() >= {*Mistake}
    assert [len(said["writing"][name]) for name in ("months", "short_months", "weekdays")] == [12, 12, 7]


def test_no_reason_was_left_untranslated() -> None:
    """What reasons mean and what to do about them is said in each language's own words."""
    english, norwegian = words("en"), words("nb")
    for section in ("reasons", "outcomes"):
        for why in english[section]:
            assert english[section][why]["what"] != norwegian[section][why]["what"]
            assert english[section][why]["do"] != norwegian[section][why]["do"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_is_called_what_it_is_not(language: str) -> None:
    """Coverage is not quality, accepted is not converted, and nothing is modelled."""
    assert [path for path, text in texts(words(language)) if FORBIDDEN[language].search(text)] == []


def test_every_text_that_a_template_names_exists() -> None:
    """A template asks for no text that there is not; sections that are looked up by name are left to the rendering."""
    said = words("en")
    for template in TEMPLATES.glob("*.html"):
        for path in re.findall(r"\bw((?:\.[a-z_]+)+)", template.read_text(encoding="utf-8")):
            here: Any = said
            for part in path.split(".")[1:]:
                assert part in here, f"{template.name}: w{path}"
                assert not hasattr(here, part), f"{template.name}: w{path} is a method of dict"
                here = here[part]
