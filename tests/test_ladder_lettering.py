"""Widths of texts, and texts cut to a width."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipfullproxy.ladder.lettering import fit, width


def test_widths_grow_with_letters_and_size() -> None:
    assert width("", 13) == 0
    assert width("il", 13) < width("aa", 13) < width("AA", 13) < width("WW", 13) < width("漢字", 13)
    assert width("č", 13) == width("c", 13)
    assert width("e\u0301", 13) == width("e", 13), "a combining accent takes no room"
    assert width("abc", 26) == pytest.approx(2 * width("abc", 13))


def test_what_fits_stays() -> None:
    assert fit("INVITE", 60, 13) == "INVITE"


def test_what_does_not_ends_with_an_ellipsis() -> None:
    assert fit("200 Vybavené OK (BYE)", 100, 13) == "200 Vybavené…"
    assert fit("abc", 0, 13) == "…"


@given(st.text(max_size=60), st.floats(20, 300))
def test_it_never_takes_more_than_its_room(text: str, room: float) -> None:
    cut = fit(text, room, 13)
    assert width(cut, 13) <= room
    assert cut == text or (cut.endswith("…") and text.startswith(cut[:-1]))
