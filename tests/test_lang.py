"""The languages in which the proxy speaks to people."""

from __future__ import annotations

from typing import get_args

from sipfullproxy.lang import LANGS, Lang, Words


def test_every_language_has_its_column_and_its_word() -> None:
    assert get_args(Lang) == LANGS
    assert tuple(Words.__annotations__) == LANGS
