"""What the demo says, in both its languages. Pure."""

import tomllib
from functools import cache
from importlib import resources
from typing import Any

from proxy.languages import LANGUAGES, choose_language
from proxy.reasons import IN_WORDS

__all__ = ["LANGUAGES", "choose_language", "words"]


@cache
def words(language: str) -> dict[str, Any]:
    """Return every text of a language, by section and key.

    Raises:
        KeyError: the demo does not speak it.
    """
    if language not in LANGUAGES:
        raise KeyError(language)
    text = resources.files("proxy.demo").joinpath("words", f"{language}.toml").read_text(encoding="utf-8")
    found = tomllib.loads(text)
    if language == "en":
        found["reasons"] = {reason.value: said for reason, said in IN_WORDS.items()}
    return found
