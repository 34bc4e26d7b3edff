"""The form of a warning: what is legal to write but unwise."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ConfigWarning:
    """Something unwise. ``key`` is a path such as ``sites.shop.policy.preset``; ``advice`` the line that changes it."""

    key: str
    what: str
    advice: str

    def __str__(self) -> str:
        return (
            f"{self.key}: {self.what}; better: {self.advice}"
            if self.key
            else f"{self.what}; better: {self.advice}"
        )
