"""A vendor's words, without what it quotes: a secret of the configuration, or personal data. Pure."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import assert_never

from forwarders.verdicts import Delivered, Pause, Refused, Resend, Retry, Split
from proxy.delivery.after import Settled
from proxy.scrub import scrub_text

_MARK = "[secret]"
_SHORTEST = 8
"""Characters from which a secret is struck out: what is shorter is none, and stands in words by chance."""


def discreet(verdict: Settled, secrets: Collection[str]) -> Settled:
    """Return a verdict that can be shown, logged and kept. What says nothing is returned as it is.

    Forwarders hide what looks like a token already; one that looks like a word is known here alone.
    """

    def hushed(words: str) -> str:
        for secret in sorted(secrets, key=len, reverse=True):
            if len(secret) >= _SHORTEST and secret in words:
                words = words.replace(secret, _MARK)
        return scrub_text(words)

    match verdict:
        case Delivered(refused) | Resend(refused) if refused:
            return replace(verdict, refused=_each(refused, hushed))
        case Delivered() | Resend():
            return verdict
        case Pause(words) | Retry(words) | Refused(words) | Split(words):
            return replace(verdict, words=hushed(words))
        case _:
            assert_never(verdict)


def _each(refused: Mapping[int, str], hushed: Callable[[str], str]) -> dict[int, str]:
    return {index: hushed(words) for index, words in refused.items()}
