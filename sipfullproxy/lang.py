"""The languages in which the proxy speaks to people."""

from __future__ import annotations

from typing import Final, Literal, TypedDict

Lang = Literal["sk", "en"]

LANGS: Final[tuple[Lang, ...]] = ("sk", "en")
"""All of them; tables with a column for each have them in this order."""


class Words(TypedDict):
    """One thing said to the user, in every language: `words[lang]`."""

    sk: str
    en: str
