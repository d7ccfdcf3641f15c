"""Messages: where they begin and end, what their headers are, and that a draft keeps what it was not told to change."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipfullproxy.sip.errors import SipError
from sipfullproxy.sip.index import COMPACT, HEADER_LIMIT, canonical
from sipfullproxy.sip.message import Draft, Request, Response, parse, value_of
from sipfullproxy.sip.uri import Uri

HEADERS = (
    b"Via: SIP/2.0/UDP 10.0.0.9;branch=z9hG4bK1",
    b"From: <sip:alice@example.com>;tag=1",
    b"To: <sip:bob@example.com>",
    b"Call-ID: 1@10.0.0.9",
    b"CSeq: 1 OPTIONS",
)


def write(*lines: bytes, start: bytes = b"OPTIONS sip:bob@example.com SIP/2.0", body: bytes = b"") -> bytes:
    """A message with all that it needs, and these header lines behind."""
    return b"\r\n".join((start, *HEADERS, *lines, b"", body))


def read(*lines: bytes, start: bytes = b"OPTIONS sip:bob@example.com SIP/2.0", body: bytes = b"") -> Request:
    message = parse(write(*lines, start=start, body=body))
    assert isinstance(message, Request)
    message.check()
    return message


def why(data: bytes) -> str:
    """What `check` has against a message that could be parsed."""
    message = parse(data)
    with pytest.raises(SipError) as caught:
        message.check()
    assert caught.value.status == 400
    return caught.value.reason


# -- start lines -------------------------------------------------------------------------------------------------------


def test_a_request() -> None:
    request = read()
    assert (request.method, request.uri_text, request.version) == (b"OPTIONS", b"sip:bob@example.com", b"2.0")
    assert isinstance(request.uri, Uri)
    assert (request.cseq, request.cseq_method, request.call_id) == (1, b"OPTIONS", b"1@10.0.0.9")
    assert (request.from_tag, request.to_tag, request.via.branch) == (b"1", b"", b"z9hG4bK1")


@pytest.mark.purpose(
    "SIP_MG_PR_V_012..013",
    given="status lines in lower case, with a phrase of any text, with none", expect="read as what they are",
)  # fmt: skip
@pytest.mark.parametrize(
    ("start", "status", "phrase"),
    [
        (b"SIP/2.0 200 OK", 200, b"OK"),
        (b"sip/2.0 486 Obsaden\xc3\xa9  teraz", 486, b"Obsaden\xc3\xa9  teraz"),
        (b"SIP/2.0 100 ", 100, b""),
        (b"SIP/2.0 100", 100, b""),
    ],
)
def test_a_response(start: bytes, status: int, phrase: bytes) -> None:
    response = parse(write(start=start))
    response.check()
    assert isinstance(response, Response)
    assert (response.status, response.phrase) == (status, phrase)


@pytest.mark.purpose(
    "SIP_MG_PR_V_012..013",
    given="status lines with ten digits, 700, 099, SIP/3.0, two blanks", expect="no message",
)  # fmt: skip
@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"hello",
        b"\0" * 40,
        b"GET / HTTP/1.1\r\nHost: h\r\n\r\n",
        b"INVITE sip:bob@example.com\r\nTo: sip:bob@example.com\r\n\r\n",
        write(start=b"SIP/2.0 4294967301 OK"),
        write(start=b"SIP/2.0 700 Too high"),
        write(start=b"SIP/2.0 099 Too low"),
        write(start=b"SIP/3.0 200 OK"),
        write(start=b"SIP/2.0  200 OK"),
        write(start=b""),
        write(start=b"OPTIONS"),
        write(start=b"\xc3\xa1 sip:bob@example.com SIP/2.0"),
    ],
)
def test_what_nobody_could_answer_is_no_message_at_all(data: bytes) -> None:
    with pytest.raises(SipError):
        parse(data)


@pytest.mark.parametrize(
    "start",
    [
        b"OPTIONS sip:bob@example.com",
        b"OPTIONS sip:bob@example.com SIP/2.0  ",
        b"OPTIONS\tsip:bob@example.com SIP/2.0",
        b"OPTIONS sip:bob@example.com SIP/2",
        b"OPTIONS sip:bob@example.com SIP/2.0x",
    ],
)
def test_a_wrong_request_line_over_good_headers_is_answered(start: bytes) -> None:
    assert why(write(start=start)) == "Bad request line"


@pytest.mark.parametrize("version", [b"7.0", b"1.0", b"2.1", b"02.0", b"2." + b"0" * 1000])
def test_another_version_is_another_error(version: bytes) -> None:
    message = parse(write(start=b"OPTIONS sip:bob@example.com SIP/" + version))
    with pytest.raises(SipError) as caught:
        message.check()
    assert caught.value.status == 505


@pytest.mark.parametrize(
    ("uri", "status"),
    [
        (b" sip:bob@example.com", 400),
        (b"sip:bob@example.com ", 400),
        (b"sip:bob@example.com; lr", 400),
        (b"<sip:bob@example.com>", 400),
        (b"", 400),
        (b"tel:+421", 416),
    ],
)
def test_a_wrong_request_uri_passes_the_check_and_fails_when_it_is_read(uri: bytes, status: int) -> None:
    request = read(start=b"OPTIONS " + uri + b" SIP/2.0")
    assert request.uri_text == uri
    with pytest.raises(SipError) as caught:
        _ = request.uri
    assert caught.value.status == status


# -- framing -----------------------------------------------------------------------------------------------------------


@pytest.mark.purpose(
    "SIP_MG_PR_V_016",
    given="one, two, a thousand empty lines before the start line", expect="read as without them",
)  # fmt: skip
@pytest.mark.parametrize("before", [b"\r\n", b"\r\n\r\n", b"\n\n", b"\r\n" * 1000])
def test_empty_lines_before_the_start_line_are_ignored(before: bytes) -> None:
    """RFC 3261 §7.5."""
    assert Draft(parse(before + write())).encode() == write()


def test_the_body_ends_at_content_length() -> None:
    """RFC 3261 §18.3: what stands behind it in the datagram is no part of the message (RFC 4475 §3.1.1.8)."""
    assert read(b"Content-Length: 4", body=b"body and more").body == b"body"
    assert read(b"l:0", body=b"INVITE sip:x SIP/2.0").body == b""


def test_without_a_content_length_it_ends_with_the_datagram() -> None:
    assert read(body=b"a\r\n\r\nb\0\n").body == b"a\r\n\r\nb\0\n"


@pytest.mark.parametrize("length", [b"-1", b"-999", b"4x", b"+4", b"4 4", b"", b"4.0", b"9" * 100, b"0" * 100])
def test_a_content_length_is_a_number(length: bytes) -> None:
    assert why(write(b"Content-Length: " + length, body=b"body")) == "Bad Content-Length"


def test_a_content_length_beyond_the_datagram_is_an_error() -> None:
    assert why(write(b"Content-Length: 5", body=b"body")) == "Content-Length is over the length of the body"


def test_a_message_that_ends_within_its_headers_is_an_error() -> None:
    assert why(write().removesuffix(b"\r\n")) == "No empty line behind the headers"
    assert why(write()[:-4]) == "No empty line behind the headers"


@pytest.mark.parametrize("line", [b"Subject: a\nRoute: <sip:evil>", b"Subject: a\rb", b"Subject: a\n", b"Subject: a\r"])
def test_a_line_ends_with_crlf_and_with_nothing_less(line: bytes) -> None:
    """Whoever cuts lines at a bare LF would read other headers than we do."""
    assert why(write(line)) == "A line does not end with CRLF"


def test_a_whole_message_with_bare_line_feeds_is_none() -> None:
    with pytest.raises(SipError):
        parse(write().replace(b"\r\n", b"\n"))


def test_a_body_may_hold_any_line_ends() -> None:
    assert read(body=b"a\nb\rc\r\n").body == b"a\nb\rc\r\n"


def test_nobody_sends_hundreds_of_headers() -> None:
    most = [b"X: %d" % number for number in range(HEADER_LIMIT - len(HEADERS))]
    assert len(read(*most).lines) == HEADER_LIMIT
    assert why(write(*most, b"X: y")) == "Too many header lines"
    assert why(write(b"X: folded", *[b" and folded"] * HEADER_LIMIT)) == "Too many header lines"
    assert len(parse(write(*most * 9)).lines) <= HEADER_LIMIT


# -- headers -----------------------------------------------------------------------------------------------------------


@pytest.mark.purpose(
    "SIP_MG_PR_V_007..011",
    given="Subject, s, S, SUBJECT and sUbJeCt in one message", expect="five values of one header, in order",
)  # fmt: skip
def test_header_names_are_one_in_every_spelling() -> None:
    request = read(b"Subject: a", b"s: b", b"S : c", b"SUBJECT\t: d", b"sUbJeCt:e")
    assert request.values(b"subject") == [b"a", b"b", b"c", b"d", b"e"]


@pytest.mark.purpose(
    "SIP_MG_PR_V_014",
    given="every compact name, in either case", expect="the header of the long name",
)  # fmt: skip
@pytest.mark.parametrize(("short", "long"), COMPACT.items())
def test_compact_forms(short: bytes, long: bytes) -> None:
    """RFC 3261 §7.3.3 and https://www.iana.org/assignments/sip-parameters."""
    assert canonical(short) == canonical(short.upper()) == canonical(short.upper() + b" \t") == canonical(long) == long


@pytest.mark.purpose(
    "SIP_MG_PR_I_005",
    given="a header line without a colon, without a name, with a blank in it", expect="400 with the reason",
)  # fmt: skip
@pytest.mark.parametrize("line", [b"no colon", b": no name", b"a b: c", b"C\xc3\xa1: d", b"<a>: b", b"a@b: c"])
def test_a_line_that_is_no_header_is_an_error(line: bytes) -> None:
    assert why(write(line)) == "A header line is no header"


def test_a_fold_needs_a_header_to_continue() -> None:
    start, _, rest = write().partition(b"\r\n")
    assert why(start + b"\r\n Subject: a\r\n" + rest) == "A header line is no header"


def test_an_escape_in_a_header_name_is_not_undone() -> None:
    """RFC 4475 §3.1.1.5."""
    assert b"contact" not in read(b"C%6Fntact: <sip:a@h>").where


@pytest.mark.parametrize(
    ("line", "value"),
    [
        (b"Subject: a", b"a"),
        (b"Subject:a", b"a"),
        (b"Subject  :\t a \t", b"a"),
        (b"Subject:", b""),
        (b"Subject: a: b", b"a: b"),
        (b"Subject: a\r\n b\r\n\tc", b"a b c"),
        (b"Subject:\r\n a", b"a"),
        (b"Subject: a\r\n ", b"a"),
    ],
)
def test_the_value_of_a_header_line(line: bytes, value: bytes) -> None:
    assert value_of(line) == value
    assert read(line).first(b"subject") == value


@pytest.mark.purpose(
    "SIP_MG_PR_V_007..011",
    given="Route in three rows, with lists, a fold and commas in brackets", expect="four values, in order",
)  # fmt: skip
def test_values_are_collected_over_lines_and_commas_in_order() -> None:
    request = read(
        b"Route: <sip:a;lr>, <sip:b;lr>", b"Supported: x", b"route: <sip:c,d;lr>\r\n ,\r\n <sip:e>", b"Route:"
    )
    assert request.values(b"route") == [b"<sip:a;lr>", b"<sip:b;lr>", b"<sip:c,d;lr>", b"<sip:e>"]
    assert request.first(b"route") == b"<sip:a;lr>, <sip:b;lr>"
    assert request.values(b"require") == []
    assert request.first(b"require") is None


def test_a_number_in_a_header() -> None:
    request = read(b"Max-Forwards: 0068", b"Expires: 300", b"Min-Expires: soon")
    assert request.number(b"max-forwards", 255) == 68
    assert request.number(b"min-se", 255) is None
    for name, title in ((b"expires", "Bad Expires"), (b"min-expires", "Bad Min-Expires")):
        with pytest.raises(SipError) as caught:
            request.number(name, 255)
        assert (caught.value.status, caught.value.reason) == (400, title)


@pytest.mark.parametrize("position", range(len(HEADERS)))
def test_what_a_message_must_have_is_missed(position: int) -> None:
    lines = [line for number, line in enumerate(HEADERS) if number != position]
    title = HEADERS[position].partition(b":")[0].decode()
    data = b"\r\n".join((b"OPTIONS sip:bob@example.com SIP/2.0", *lines, b"V-ia: x", b"", b""))
    with pytest.raises(SipError, match=f"No {title} header"):
        parse(data).check()


def test_without_a_via_nobody_could_be_answered_so_it_is_no_message_at_all() -> None:
    with pytest.raises(SipError):
        parse(write().replace(b"Via", b"V-ia"))


@pytest.mark.parametrize(
    "line", [*HEADERS[1:], b"i: 2@10.0.0.9", b"CSEQ: 2 OPTIONS", b"Max-Forwards: 70", b"max-breadth:9", b"l: 1"]
)
def test_what_a_message_has_once_it_does_not_have_twice(line: bytes) -> None:
    data = write(b"Max-Forwards: 70", b"Max-Breadth: 60", b"Content-Length: 0", line)
    assert why(data).startswith("More than one ")


@pytest.mark.purpose(
    "SIP_MG_PR_I_005",
    given="twelve malformed Via, From, To, Call-ID and CSeq", expect="400, each with its reason",
)  # fmt: skip
@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (HEADERS[0], b"Via: SIP/2.0/UDP 10.0.0.9;;", "Empty parameter in Via"),
        (HEADERS[0], b"Via:", "Bad Via"),
        (HEADERS[0], b"Via: ,", "Bad Via"),
        (HEADERS[0], b"Via: ,\r\n ,", "Bad Via"),
        (HEADERS[1], b"From: sip:a@h>", "Bad From"),
        (HEADERS[2], b'To: "Mr. J <sip:j@h>', "Bad To"),
        (HEADERS[3], b"Call-ID:", "Bad Call-ID"),
        (HEADERS[3], b"Call-ID: a b", "Bad Call-ID"),
        (HEADERS[4], b"CSeq: OPTIONS 1", "Bad CSeq"),
        (HEADERS[4], b"CSeq: 4294967296 OPTIONS", "CSeq number is over 32 bits"),
        (HEADERS[4], b"CSeq: 1 INVITE", "CSeq method differs from the request's"),
        (HEADERS[4], b"CSeq: 1 options", "CSeq method differs from the request's"),
    ],
)
def test_and_what_it_has_must_be_readable(old: bytes, new: bytes, reason: str) -> None:
    assert why(write().replace(old, new)) == reason


def test_a_response_may_answer_any_method() -> None:
    parse(write(start=b"SIP/2.0 200 OK").replace(b"1 OPTIONS", b"1 INVITE")).check()


def test_a_to_tag_counts_in_whatever_form_to_is_written() -> None:
    for to in (b"To: sip:b@h;tag=2", b't: "B" <sip:b@h>\r\n ;\r\n tag = 2', b"TO :\r\n <sip:b@h;tag=no>;tag=2"):
        message = parse(write().replace(HEADERS[2], to))
        message.check()
        assert message.to_tag == b"2"


# -- the stamp ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("via", "stamped"),
    [
        (b"Via: SIP/2.0/UDP a;branch=x;rport", b"Via: SIP/2.0/UDP a;branch=x;rport=5062;received=10.0.0.9"),
        (b"v:SIP/2.0/UDP a, SIP/2.0/UDP ab", b"v:SIP/2.0/UDP a;received=10.0.0.9, SIP/2.0/UDP ab"),
        (b"Via  : SIP  /   2.0\r\n /UDP\r\n    a;branch=x", b"Via  : SIP  /   2.0 /UDP a;branch=x;received=10.0.0.9"),
        (b"v:\r\n SIP/2.0/UDP a,\r\n SIP/2.0/UDP b", b"v: SIP/2.0/UDP a;received=10.0.0.9, SIP/2.0/UDP b"),
        (b"Via: , SIP/2.0/UDP a", b"Via: , SIP/2.0/UDP a;received=10.0.0.9"),
    ],
)
def test_the_stamp_goes_into_the_top_via_even_when_it_is_folded(via: bytes, stamped: bytes) -> None:
    """RFC 3261 §18.2.1: MUST. A fold in that one line is undone."""
    request = parse(write(b"Via: SIP/2.0/UDP a").replace(HEADERS[0], via))
    request.check()
    request.stamp("10.0.0.9", 5062)
    assert request.lines == [stamped, *HEADERS[1:], b"Via: SIP/2.0/UDP a"]


def test_a_via_that_needs_no_stamp_keeps_its_fold() -> None:
    request = parse(write().replace(HEADERS[0], b"Via: SIP/2.0/UDP\r\n 10.0.0.9"))
    request.check()
    request.stamp("10.0.0.9", 5060)
    assert request.lines[0] == b"Via: SIP/2.0/UDP\r\n 10.0.0.9"


# -- drafts ------------------------------------------------------------------------------------------------------------


def test_a_draft_that_nothing_was_done_to_is_the_message() -> None:
    data = write(b"x-ODD :  \t;;,,;;,;", b"Subject: a\r\n\tb", body=b"\0\r\n\r\n\xff")
    assert Draft(parse(data)).encode() == data


def test_pushing_puts_a_line_above_its_kind_or_below_the_vias() -> None:
    draft = Draft(parse(write(b"Record-Route: <sip:a>", b"Record-Route: <sip:b>")), start=b"BYE sip:x SIP/2.0")
    draft.push(b"record-route", b"Record-Route: <sip:us>")
    draft.push(b"max-forwards", b"Max-Forwards: 70")
    draft.push(b"via", b"Via: us")
    assert draft.encode().split(b"\r\n") == [
        b"BYE sip:x SIP/2.0",
        b"Via: us",
        HEADERS[0],
        b"Max-Forwards: 70",
        *HEADERS[1:],
        b"Record-Route: <sip:us>",
        b"Record-Route: <sip:a>",
        b"Record-Route: <sip:b>",
        b"",
        b"",
    ]


def test_all_values_of_a_header_are_replaced_at_the_place_of_the_first() -> None:
    message = parse(write(b"Route: <sip:a>, <sip:b>", b"Subject: x", b"Route: <sip:c>"))
    draft = Draft(message)
    draft.put_all(b"route", b"Route", [b"<sip:b>", b"<sip:c>"])
    assert draft.encode() == write(b"Route: <sip:b>", b"Route: <sip:c>", b"Subject: x")
    draft.put_all(b"route", b"Route", [])
    assert draft.encode() == write(b"Subject: x")
    assert Draft(message).encode() == write(b"Route: <sip:a>, <sip:b>", b"Subject: x", b"Route: <sip:c>")


names = st.sampled_from(
    [b"Subject", b"s", b"X-Odd", b"Route", b"ROUTE", b"Max-Forwards", b"v", b"Record-Route", b"!%*"]
)
spaces = st.sampled_from([b"", b" ", b"\t  "])
texts = st.binary(max_size=12).map(lambda text: text.translate(None, b"\r\n"))
folds = st.lists(st.tuples(st.sampled_from([b" ", b"\t", b"  "]), texts), max_size=2)


@st.composite
def header_lines(draw: st.DrawFn) -> bytes:
    """A header line as strange as it may be."""
    line = draw(names) + draw(spaces) + b":" + draw(spaces) + draw(texts)
    return b"".join([line, *(b"\r\n" + space + text for space, text in draw(folds))])


NEW = {
    b"subject": b"Subject: new",
    b"route": b"Route: <sip:new>",
    b"max-forwards": b"Max-Forwards: 0",
    b"via": b"Via: new",
    b"x-new": b"X-New: new",
}
operations = st.tuples(st.sampled_from(["put", "put_all", "remove", "push"]), st.sampled_from(sorted(NEW)))


@given(st.lists(header_lines(), max_size=8), st.binary(), st.lists(operations, max_size=6))
def test_a_draft_keeps_everything_that_it_was_not_told_to_change(
    lines: list[bytes], body: bytes, todo: list[tuple[str, bytes]]
) -> None:
    """Byte for byte and in order: the lines of other names, the body, and of the message itself everything."""
    lines = [HEADERS[0], *lines]
    data = b"\r\n".join((b"OPTIONS sip:h SIP/2.0", *lines, b"", body))
    message = parse(data)
    draft = Draft(message)
    touched = set()
    for verb, name in sorted(todo, key=lambda entry: entry[0] == "push"):
        touched.add(name)
        if verb == "push":
            draft.push(name, NEW[name])
        elif verb == "put":
            draft.put(name, NEW[name])
        else:
            title, _, value = NEW[name].partition(b": ")
            # Without a Via there would be no place to push the others to; the engine never takes the last one out.
            draft.put_all(name, title, [value, value] if verb == "put_all" or name == b"via" else [])
    sent = parse(draft.encode())
    untouched = [line for line in lines if canonical(line.partition(b":")[0]) not in touched]
    kept = [line for line in sent.lines if canonical(line.partition(b":")[0]) not in touched]
    assert kept == untouched
    assert (sent.start, sent.body) == (b"OPTIONS sip:h SIP/2.0", message.body)
    assert Draft(message).encode() == data


# -- anything at all ---------------------------------------------------------------------------------------------------

PIECES = [
    *(b"OPTIONS ", b"sip:bob@h", b" SIP/2.0", b"SIP/2.0 200 OK", b"\r\n", b"\r\n", b"\r", b"\n", b" ", b":", b","),
    *(line + b"\r\n" for line in HEADERS),
    *(b"Via: ", b"v", b"To", b"Content-Length: ", b"5", b"-", b"CSeq: ", b'"', b"<", b">", b";tag=", b"\0", b"\xff"),
]


@given(st.lists(st.sampled_from(PIECES)).map(b"".join) | st.binary())
def test_any_bytes_are_a_message_or_an_error_and_never_anything_else(data: bytes) -> None:
    try:
        message = parse(data)
        message.check()
    except SipError as error:
        assert error.status in (400, 505)
        return
    assert message.via.host
    assert 0 <= message.cseq < 2**32
    again = parse(Draft(message).encode())
    assert (again.start, again.lines, again.body) == (message.start, message.lines, message.body)


@given(st.lists(st.sampled_from(range(len(write())))), st.binary(min_size=1, max_size=4))
def test_a_good_message_with_bytes_overwritten_is_a_message_or_an_error(places: list[int], junk: bytes) -> None:
    data = bytearray(write(b"Content-Length: 0"))
    for place in places:
        data[place : place + len(junk)] = junk
    try:
        parse(bytes(data)).check()
    except SipError as error:
        assert error.status in (400, 505)


@pytest.mark.parametrize("line", [b"Call-ID: %b", b"From: <sip:a@h>;tag=%b", b"To: <sip:a@h>;tag=%b"])
def test_what_a_call_is_kept_by_has_a_largest_length(line: bytes) -> None:
    """Calls and bindings live for hours, and hold these."""
    name = line.partition(b":")[0]
    lines = [b"OPTIONS sip:h SIP/2.0", *(one for one in (
        b"Via: SIP/2.0/UDP h;branch=z9hG4bK1", b"From: <sip:a@h>;tag=1", b"To: <sip:b@h>", b"Call-ID: 1",
        b"CSeq: 1 OPTIONS") if not one.startswith(name + b":"))]  # fmt: skip
    parse(b"\r\n".join((*lines, line % (b"x" * 1024), b"", b""))).check()
    with pytest.raises(SipError, match="at most 1024 bytes"):
        parse(b"\r\n".join((*lines, line % (b"x" * 1025), b"", b""))).check()
