"""The pieces that every header is made of: folds, lists, parameters, quotes, escapes, numbers."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipfullproxy.sip.grammar import (
    HOST,
    IS_TOKEN,
    PARAMETER_LIMIT,
    QUOTED,
    parameters,
    split_list,
    unescape,
    unfold,
    unquote,
    whole_number,
)


@pytest.mark.parametrize("text", [b"INVITE", b"z9hG4bK-.!%66*_+`'~", b"!interesting-Method0123456789_*+`.%indeed'~"])
def test_a_token_may_look_odd(text: bytes) -> None:
    assert IS_TOKEN(text)


@pytest.mark.parametrize("text", [b"", b"a b", b"a@b", b"a:b", b"<a>", b'"a"', b"a\n", b"\xc3\xa1"])
def test_what_separates_is_no_token(text: bytes) -> None:
    assert not IS_TOKEN(text)


@pytest.mark.parametrize("text", [b'""', b'"a"', rb'"\""', rb'"\\"', b'"a, <b>; c"', b'"\xe1"'])
def test_a_quoted_string_holds_anything(text: bytes) -> None:
    assert re.fullmatch(QUOTED, text)


@pytest.mark.parametrize("text", [b'"', b'"a', rb'"\"', b'"a""', b'"a"b"', rb'"a\\\"'])
def test_a_quoted_string_has_one_end(text: bytes) -> None:
    assert not re.fullmatch(QUOTED, text)


@pytest.mark.parametrize("text", [b"example.com", b"10.0.0.1", b"my_pc", b"a", b"[::1]", b"[::ffff:10.0.0.1]"])
def test_a_host_is_a_name_or_an_address(text: bytes) -> None:
    assert re.fullmatch(HOST, text)


@pytest.mark.parametrize("text", [b"", b"-a", b"::1", b"[::1", b"[]", b"[::g]", b"a b", b"a:1", b"a/b"])
def test_and_nothing_else(text: bytes) -> None:
    assert not re.fullmatch(HOST, text)


@pytest.mark.parametrize(
    ("folded", "value"),
    [
        (b"one line", b"one line"),
        (b"two\r\n lines", b"two lines"),
        (b"two  \r\n\t\t lines", b"two lines"),
        (b"a\r\n b\r\n c", b"a b c"),
    ],
)
def test_the_lines_of_a_folded_value_are_joined_by_a_space(folded: bytes, value: bytes) -> None:
    assert unfold(folded) == value


@pytest.mark.parametrize(
    ("value", "items"),
    [
        (b"one", [b"one"]),
        (b"", [b""]),
        (b"a,b", [b"a", b"b"]),
        (b" a ,\tb ", [b"a", b"b"]),
        (b'"Smith, J" <sip:j@x>, b', [b'"Smith, J" <sip:j@x>', b"b"]),
        (rb'"\", \"" <sip:j@x>, b', [rb'"\", \"" <sip:j@x>', b"b"]),
        (b"<sip:a,b@x>;q=1,<sip:c@x>", [b"<sip:a,b@x>;q=1", b"<sip:c@x>"]),
        (b'"<" <sip:a@x>, b', [b'"<" <sip:a@x>', b"b"]),
    ],
)
def test_a_list_is_split_at_the_commas_that_separate(value: bytes, items: list[bytes]) -> None:
    assert split_list(value) == items


@pytest.mark.parametrize("value", [b",", b" , ,", b"<>"[:0]])
def test_a_list_of_nothing_has_one_empty_item_so_that_there_is_always_a_first(value: bytes) -> None:
    assert split_list(value) == [b""]


def test_empty_items_are_left_out() -> None:
    assert split_list(b",a,,b,") == [b"a", b"b"]
    assert split_list(b',"a",,<b>,') == [b'"a"', b"<b>"]


@pytest.mark.parametrize("value", [b'a, "b, c', b"a, <b, c", b'a, b" , c'])
def test_what_is_opened_and_never_closed_takes_the_rest_along(value: bytes) -> None:
    assert split_list(value)[-1].endswith(b"c")
    assert len(split_list(value)) == 2


@given(st.lists(st.sampled_from([b",", b'"', b"<", b">", b"\\", b" ", b"a"])).map(b"".join))
def test_splitting_loses_nothing_but_commas_and_white_space(value: bytes) -> None:
    assert b"".join(split_list(value)).translate(None, b", ") == value.translate(None, b", ")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (b"", {}),
        (b";lr", {b"lr": None}),
        (b";TAG=x", {b"tag": b"x"}),
        (b"; a = 1 ;b", {b"a": b"1", b"b": None}),
        (b';x="a;b=\\"c"', {b"x": b'"a;b=\\"c"'}),
        (b";a=", {b"a": b""}),
        (b";a=1;a=2", {b"a": b"1"}),
        (b";reason=reason=noresource", {b"reason": b"reason=noresource"}),
        (b';+sip.instance="<urn:uuid:1>"', {b"+sip.instance": b'"<urn:uuid:1>"'}),
    ],
)
def test_parameters_are_read(text: bytes, found: dict[bytes, bytes | None]) -> None:
    assert parameters(text) == found


@pytest.mark.parametrize("text", [b"a", b";", b";;a", b";=1", b';a="', b";a=b c", b";a,b"])
def test_what_is_no_list_of_parameters_is_none(text: bytes) -> None:
    assert parameters(text) is None


def test_more_parameters_than_a_phone_ever_sends_are_refused() -> None:
    many = b"".join(b";p%d" % number for number in range(PARAMETER_LIMIT))
    assert parameters(many) is not None
    assert parameters(many + b";more") is None


@pytest.mark.parametrize(
    ("value", "text"),
    [(b'"a"', b"a"), (b'""', b""), (b"a", b"a"), (b'"', b'"'), (rb'"\"\\"', b'"\\'), (b"", b""), (b'"a', b'"a')],
)
def test_quotes_are_undone(value: bytes, text: bytes) -> None:
    assert unquote(value) == text


@pytest.mark.parametrize(
    ("escaped", "text"),
    [
        (b"alice", b"alice"),
        (b"%61lice", b"alice"),
        (b"%00%c3%A1", b"\0\xc3\xa1"),
        (b"%2541", b"%41"),
        (b"%", b"%"),
        (b"%4", b"%4"),
        (b"%zz%41", b"%zzA"),
        (b"100%", b"100%"),
    ],
)
def test_escapes_are_undone_once(escaped: bytes, text: bytes) -> None:
    assert unescape(escaped) == text


@given(st.binary())
def test_whatever_is_escaped_comes_back(text: bytes) -> None:
    assert unescape(b"".join(b"%%%02x" % byte for byte in text)) == text


@pytest.mark.parametrize("text", [b"", b"-1", b"+1", b"1.0", b" 1", b"1 ", b"0x1", b"\xb2", b"1_0", b"256"])
def test_what_is_no_number_in_its_limit_is_none(text: bytes) -> None:
    assert whole_number(text, 255) is None


def test_numbers_may_have_leading_zeros_but_not_by_the_thousand() -> None:
    assert whole_number(b"0070", 255) == 70
    assert whole_number(b"255", 255) == 255
    assert whole_number(b"0" * 10_000 + b"7", 255) is None
