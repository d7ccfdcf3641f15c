"""sip/memo.py: whatever is asked, in whatever order, a memo says what reading says, and never holds much."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipfullproxy.sip import memo
from sipfullproxy.sip.errors import SipError
from sipfullproxy.sip.memo import Memo


@given(st.lists(st.binary(max_size=3)))
def test_it_says_what_reading_says(texts: list[bytes]) -> None:
    known = Memo(len)
    assert [known[text] for text in texts] == [len(text) for text in texts]


def test_what_is_known_is_not_read_again() -> None:
    read: list[bytes] = []
    known = Memo(read.append)
    for text in (b"a", b"b", b"a", b"b"):
        known[text]
    assert read == [b"a", b"b"]


def test_what_is_refused_is_refused_each_time() -> None:
    def refuse(text: bytes) -> None:
        raise SipError(400, "Bad")

    known = Memo(refuse)
    for _ in range(2):
        with pytest.raises(SipError):
            known[b"a"]
    assert not known


def test_it_never_holds_more_than_its_bound() -> None:
    known = Memo(len, 3)
    sizes = []
    for number in range(10):
        known[b"%d" % number]
        sizes.append(len(known))
    assert sizes == [1, 2, 3, 1, 2, 3, 1, 2, 3, 1]


def test_of_long_texts_a_few_are_kept() -> None:
    """Among themselves, so that they cost the short ones nothing."""
    read: list[int] = []
    known = Memo(lambda text: read.append(len(text)))
    for size in (memo.LONGEST, memo.LONGEST + 1, memo.LONG, memo.LONG + 1):
        for _ in range(2):
            known[b"x" * size]
    assert read == [memo.LONGEST, memo.LONGEST + 1, memo.LONG, memo.LONG + 1, memo.LONG + 1]
    assert len(known) == 1
    for number in range(3 * memo.LONG_ENTRIES):
        known[b"%0*d" % (memo.LONG, number)]
        assert len(known._long) <= memo.LONG_ENTRIES


def test_a_long_text_that_is_refused_is_refused_each_time() -> None:
    def refuse(text: bytes) -> None:
        raise SipError(400, "Bad")

    known = Memo(refuse)
    for _ in range(2):
        with pytest.raises(SipError):
            known[b"a" * memo.LONG]
