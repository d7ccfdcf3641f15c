"""The pages that show rule by rule what we keep to are whole, and true to the marks on the tests.

All of it is read from files, so it holds whichever tests are selected.
"""

from __future__ import annotations

import runpy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

DOCS = Path(__file__).parent.parent / "docs"


@pytest.fixture(scope="module")
def maker() -> Any:
    """docs/make_conformance.py."""
    return SimpleNamespace(**runpy.run_path(str(DOCS / "make_conformance.py")))


@pytest.fixture(scope="module")
def rows(maker: Any) -> Any:
    """A row for each purpose."""
    return list(maker.rows())


def test_the_lists_are_whole(maker: Any) -> None:
    assert len(maker.purposes(maker.ETSI)) == 282
    assert {purpose.status for purpose in maker.purposes(maker.LATER).values()} <= maker.LEVELS
    for book in maker.BOOKS:
        assert {purpose.family for purpose in maker.purposes(book).values()} == book.families.keys()


def test_an_id_that_is_used_twice_is_an_error(maker: Any) -> None:
    with pytest.raises(ValueError, match="two purposes"):
        maker.purposes(maker.ETSI, maker.ETSI)


def test_every_purpose_has_a_test_or_a_reason(rows: Any) -> None:
    assert [row.purpose.id for row in rows if not row.kind] == []


def test_no_purpose_has_both(rows: Any) -> None:
    """Then the reason is out of date."""
    assert [row.purpose.id for row in rows if row.shown and row.kinds] == []


def test_a_reason_is_of_a_kind_that_the_page_knows(maker: Any) -> None:
    assert {reason.kind for reason in maker.reasons()} <= {*maker.KINDS, "note"}


def test_the_pages_are_what_the_marks_say(maker: Any) -> None:
    for book in maker.BOOKS:
        assert maker.page(book) == book.page.read_text("utf-8"), "run `python docs/make_conformance.py`"


def test_every_mark_stands_at_a_test_that_is_found(maker: Any) -> None:
    """A mark below a class, or on something that is no test, would count for nothing and nobody would see it."""
    files = [path for path in maker.TESTS.rglob("test_*.py") if path != Path(__file__)]
    written = sum(path.read_text("utf-8").count("mark.purpose(") for path in files)
    assert written == len(maker.marks())


@pytest.mark.parametrize(
    "id",
    ["SIP_CC_PR_MP_RQ_V_999", "SIP_CC_PR_MP_RQ_V_001..999", "SIP_CC_PR_MP_RQ_V_000..003", "SIP_CC", "RFC3261_01", ""],
)
def test_an_id_that_names_no_purpose_is_an_error(maker: Any, id: str) -> None:
    with pytest.raises(ValueError, match="names no purpose"):
        maker.expanded((id,), maker.purposes())


def test_dots_stand_for_all_between(maker: Any) -> None:
    """032 is followed by 035 in the list: 033 and 034 stand elsewhere, but are meant all the same."""
    known = maker.purposes()
    assert maker.expanded(("SIP_CC_PR_MP_RS_V_012..014", "SIP_RG_RR_V_020"), known) == [
        "SIP_CC_PR_MP_RS_V_012", "SIP_CC_PR_MP_RS_V_013", "SIP_CC_PR_MP_RS_V_014", "SIP_RG_RR_V_020",
    ]  # fmt: skip
    assert "SIP_CC_PR_MP_RS_V_033" in maker.expanded(("SIP_CC_PR_MP_RS_V_032..035",), known)


@pytest.mark.parametrize(
    "mark",
    ['"A", given="x"', 'given="x", expect="y"', '"A", given="", expect="y"', '"A", given="x", expect="y", z="z"'],
)
def test_a_mark_without_input_or_outcome_is_an_error(
    maker: Any, mark: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "test_x.py").write_text(f"@pytest.mark.purpose({mark})\ndef test_x() -> None: ...\n", "utf-8")
    assert "a mark names ids, given and expect" in complaint(maker, tmp_path, monkeypatch)


@pytest.mark.parametrize("other", ["soak", 'skipif(True, reason="x")', "xfail"])
def test_a_test_that_is_not_always_run_shows_nothing(
    maker: Any, other: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark = f'@pytest.mark.{other}\n@pytest.mark.purpose("A", given="x", expect="y")\n'
    (tmp_path / "test_x.py").write_text(mark + "def test_x() -> None: ...\n", "utf-8")
    assert "shows nothing where it does not run" in complaint(maker, tmp_path, monkeypatch)


def complaint(maker: Any, tests: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """What is said about the marks of these tests."""
    monkeypatch.setitem(maker.marks.__globals__, "TESTS", tests)
    monkeypatch.setitem(maker.marks.__globals__, "ROOT", tests)
    with pytest.raises(ValueError) as caught:
        maker.marks()
    return str(caught.value)
