"""The sentences of this room: they live in `words/*.toml`, beside each other in every language."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from sipfullproxy.lang import Lang


class Said(NamedTuple):
    """One thing that can be said. sk, en: the sentence, with `{…}` for facts. source: where it is written, or ""."""

    sk: str
    en: str
    source: str = ""

    def text(self, lang: Lang, **facts: object) -> str:
        """The sentence in one language, with the facts in it."""
        return (self.sk if lang == "sk" else self.en).format_map(facts)

    def where(self, lang: Lang) -> str:
        """The source as a reader of that language writes it."""
        return self.source.replace(" item ", " bod ").replace("table ", "tabuľka ") if lang == "sk" else self.source


@cache
def table(name: str) -> Mapping[str, Said]:
    """All sentences of one file, by their key; read once."""
    return {key: Said(**entry) for key, entry in toml("words", name).items()}


def toml(folder: str, name: str) -> dict[str, dict[str, str]]:
    """A data file of this room."""
    return tomllib.loads(files(__package__).joinpath(folder, f"{name}.toml").read_text("utf-8"))
