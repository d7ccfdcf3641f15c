"""sip/index.py: each name leads to its lines, however it is spelled; what is no header, missing or doubled is said."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipfullproxy.sip.index import Index, index_of

WHOLE = [b"Via: a", b"From: b", b"To: c", b"Call-ID: d", b"CSeq: e"]


def test_a_header_is_found_by_any_spelling_of_its_name() -> None:
    index = index_of([b"VIA: a", b"f: b", b"t : c", b"Call-Id: d", b"cseq:e", b"v: f"])
    assert index == {b"via": (0, 5), b"from": (1,), b"to": (2,), b"call-id": (3,), b"cseq": (4,)}
    assert index.ends == (1, 2, 3, 4)
    assert (index.flaw, index.unclear) == ("", "")


def test_heads_that_are_alike_share_one_index() -> None:
    assert index_of(WHOLE) is index_of([line[:-1] + b"other" for line in WHOLE])


KINDS = st.sampled_from((b"INVITE", 200))
LINES = (*WHOLE, b"v: g", b"VIA: h", b"Via : i", b"X", b" fold", b"?: j", b"Date: k")


@given(st.lists(st.tuples(KINDS, st.lists(st.sampled_from(LINES), max_size=7)), max_size=20))
def test_what_came_before_of_that_kind_changes_nothing(heads: list[tuple[object, list[bytes]]]) -> None:
    """An index is held against the head, and never taken for the kind's sake alone."""
    for number, (kind, lines) in enumerate(heads):
        known, unknown = list(lines), list(lines)
        one, other = index_of(known, kind), index_of(unknown, number)
        assert (one, one.beginnings, one.echoed, one.flaw) == (other, other.beginnings, other.echoed, other.flaw)
        assert known == unknown


@pytest.mark.parametrize("line", [b"", b"Via", b"X", b": x", b"X Y: z", b"a?: b", b"\xc3\xa1: b"])
def test_a_line_that_is_no_header_is_said_and_not_found(line: bytes) -> None:
    index = index_of([*WHOLE, line, b"Date: y"])
    assert index.flaw == "A header line is no header"
    assert index == {**index_of(WHOLE), b"date": (len(WHOLE) + 1,)}


@pytest.mark.parametrize(
    ("lines", "unclear"),
    [
        (WHOLE[:4], "No CSeq header"),
        ([*WHOLE, b"i: d"], "More than one Call-ID header"),
        ([*WHOLE, b"l: 0", b"Content-Length: 0"], "More than one Content-Length header"),
        ([*WHOLE, b"Max-Forwards: 70", b"Contact: a", b"Contact: b"], ""),
    ],
)
def test_what_is_missing_or_doubled_is_said(lines: list[bytes], unclear: str) -> None:
    assert index_of(lines).unclear == unclear


@pytest.mark.parametrize("fold", [b" more", b"\tX: more", b" "])
def test_folds_are_joined(fold: bytes) -> None:
    lines = [*WHOLE[:2], fold, *WHOLE[2:]]
    assert index_of(lines) == index_of(WHOLE)
    assert lines == [WHOLE[0], WHOLE[1] + b"\r\n" + fold, *WHOLE[2:]]


def test_nothing_stands_before_the_first_line_that_it_could_continue() -> None:
    lines = [b" Via: a", b" b", b"Via: c"]
    index = index_of(lines)
    assert lines == [b" Via: a\r\n b", b"Via: c"]
    assert index.flaw
    assert index == {b"via": (1,)}


@given(st.lists(st.binary(max_size=12).filter(lambda line: b"\r" not in line and b"\n" not in line), max_size=9))
def test_what_it_says_is_what_the_lines_say(lines: list[bytes]) -> None:
    index = index_of(lines)
    for name, places in index.items():
        for place in places:
            assert Index(lines[place].partition(b":")[0]).keys() == {name}
            assert b":" in lines[place]
    assert bool(index.flaw) == (sum(map(len, index.values())) < max(1, len(lines)))
