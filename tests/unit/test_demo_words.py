"""What the demo says: complete in both languages, and chosen as the reader wishes."""

from collections.abc import Iterator
from typing import Any

import pytest

from proxy.demo.feed import Fate, Note
from proxy.demo.sites import PATHS
from proxy.demo.words import LANGUAGES, choose_language, words
from proxy.reasons import Decision, Reason
from proxy.signals import SIGNALS, Value


def keys(found: dict[str, Any], path: str = "") -> Iterator[str]:
    """Yield the path of every text."""
    for key, value in found.items():
        if isinstance(value, dict):
            yield from keys(value, f"{path}{key}.")
        else:
            yield path + key


def placeholders(found: dict[str, Any]) -> dict[str, set[str]]:
    """Return the names to be filled in, by the path of their text."""
    texts = {path: at(found, path) for path in keys(found)}
    return {path: {part.partition("}")[0] for part in text.split("{")[1:]} for path, text in texts.items()}


def at(found: dict[str, Any], path: str) -> str:
    """Return the text at a path."""
    here: Any = found
    for part in path.split("."):
        here = here[part]
    return str(here)


def test_both_languages_say_the_same_things() -> None:
    """A text that exists in one language exists in the other, with the same places to fill in."""
    assert placeholders(words("en")) == placeholders(words("nb"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_closed_set_has_its_words(language: str) -> None:
    """No reason, decision, signal, policy or note can turn up without a word for it."""
    said = words(language)
    assert said["reasons"].keys() == {*Reason}
    assert said["feed"]["decisions"].keys() == {*Decision}
    assert said["feed"]["signals"].keys() == {signal.value for signal in SIGNALS}
    assert said["feed"]["values"].keys() == {*Value}
    assert said["feed"]["states"].keys() == {*Fate}
    assert said["feed"]["notes"].keys() == {*Note}
    assert PATHS.keys() <= said["presets"].keys()


def test_norwegian_is_not_english() -> None:
    """No reason was left untranslated."""
    english, norwegian = words("en")["reasons"], words("nb")["reasons"]
    assert not [reason for reason in Reason if english[reason] == norwegian[reason]]


@pytest.mark.parametrize(
    ("asked", "accept", "expected"),
    [
        ("nb", "en", "nb"),
        ("en", "nb", "en"),
        ("fr", "nb-NO", "nb"),
        (None, "no", "nb"),
        (None, "nn-NO,en;q=0.1", "nb"),
        (None, "en;q=0.4, nb;q=0.5", "nb"),
        (None, "nb;q=0, de", "en"),
        (None, "", "en"),
        (None, "*", "en"),
        (None, "nb;q=much", "en"),
        (None, ",".join(["xx"] * 500 + ["nb"]), "en"),
    ],
)
def test_the_language_is_the_readers(asked: str | None, accept: str, expected: str) -> None:
    """What is asked for wins, then what the browser prefers, then English; nonsense is passed over."""
    assert choose_language(asked, accept) == expected
