"""What strangers write must not get at the reader's terminal, nor forge a line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipfullproxy.journal.safe import LONGEST, safe


@pytest.mark.parametrize("text", ["", "macka@147.175.160.245", "Žofia Ťažká", "李@例え.jp", "📞"])
def test_the_names_of_real_people_stay_as_they_are(text: str) -> None:
    assert safe(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\r\nb", r"a\r\nb"),
        ("\x1b[2Jgone", r"\x1b[2Jgone"),
        ("\x00\x07\x7f\x9b", r"\x00\x07\x7f\x9b"),
        ("a\u2028b\u2029c\x85d", r"a\u2028b\u2029c\x85d"),
        ("\u202egnp.exe", r"\u202egnp.exe"),
        ("a\u200bb\u2066c\ufeffd", r"a\u200bb\u2066c\ufeffd"),
        ("\udc80", r"\udc80"),
        ("\\x1b", r"\\x1b"),
    ],
)
def test_what_could_move_a_cursor_is_shown_escaped(text: str, shown: str) -> None:
    assert safe(text) == shown


def test_an_endless_name_is_cut_and_says_so() -> None:
    assert safe("a" * LONGEST) == "a" * LONGEST
    assert safe("a" * (LONGEST + 1)) == "a" * (LONGEST - 1) + "…"
    assert safe("abcdef", 3) == "ab…"


@given(st.text(st.characters(exclude_categories=()), max_size=300))
def test_whatever_is_written_it_comes_out_as_one_short_printable_line(text: str) -> None:
    shown = safe(text)
    assert shown.isprintable()
    assert shown.encode("utf-8").decode("utf-8") == shown
    assert len(shown) <= LONGEST * len(r"\U0010ffff")
