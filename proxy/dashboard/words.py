"""What the dashboard says, in both its languages. Pure."""

import tomllib
from functools import cache
from importlib import resources
from typing import Any

from proxy.languages import LANGUAGES
from proxy.reasons import IN_WORDS, OUTCOMES_IN_WORDS

Said = dict[str, Any]
"""Texts by section and key."""


@cache
def words(language: str) -> Said:
    """Return every text of a language.

    Raises:
        KeyError: the dashboard does not speak it.
    """
    if language not in LANGUAGES:
        raise KeyError(language)
    text = (
        resources.files("proxy.dashboard").joinpath("words", f"{language}.toml").read_text(encoding="utf-8")
    )
    found = tomllib.loads(text)
    if language == "en":
        for section, said in (("reasons", IN_WORDS), ("outcomes", OUTCOMES_IN_WORDS)):
            for reason, what in said.items():
                found[section].setdefault(reason.value, {})["what"] = what
    return found
