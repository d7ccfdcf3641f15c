"""From, To, Contact, Route, Record-Route, Refer-To: a URI, perhaps with a name and parameters (RFC 3261 §20.10)."""

from __future__ import annotations

import re
from collections.abc import Callable

from sipfullproxy.sip.errors import SipError
from sipfullproxy.sip.grammar import QUOTED, TOKEN, WS, parameters, some
from sipfullproxy.sip.memo import Memo
from sipfullproxy.sip.uri import Uri, parse_uri

# name-addr    = [ display-name ] LAQUOT addr-spec RAQUOT
# display-name = *(token LWS)/ quoted-string
# Lenient: any bytes but quotes, brackets, commas and line ends stand in an unquoted display-name, because phones send
# names with diacritics and dots there (RFC 4475 §3.1.2.15 lets us be liberal).
_NAME_ADDR = re.compile(rb"(?:" + QUOTED + WS + rb'|[^"<>\r\n]*+)<([^<>\r\n]*+)>' + WS + rb"((?:;.*)?)", re.DOTALL)
# addr-spec form: "the Contact header field's parameters are header parameters, not URI parameters" (§20.10);
# and a URI with a comma, question mark or semicolon must stand in brackets (§20).
_ADDR_SPEC = re.compile(rb"(" + some(rb"[^\s<>\",;?]") + rb")" + WS + rb"((?:;.*)?)", re.DOTALL)
# The same, as nearly all phones write a From, To, Contact or Route: with no parameter but the tag, and no white space.
_USUAL = re.compile(rb"(?:" + QUOTED + WS + rb'|[^"<>\r\n]*+)<([^<>\r\n]*+)>(?:;tag=(' + TOKEN + rb"))?", re.DOTALL)
# tag-param = "tag" EQUAL token
# Lenient: what is no token is taken as it is. To read a part of it would make one dialog of two.
_TAG = re.compile(rb";" + WS + rb"tag" + WS + rb"(?:=" + WS + rb"([^;\s]*+)|(?=;|\Z))", re.IGNORECASE)
# What is quoted; a quote that is never closed takes the rest along, so that nobody looks there for its end again.
_QUOTED = re.compile(QUOTED + rb'|(").*', re.DOTALL)
_NO_TAG = b"()"  # stands for a quoted string, which a tag is not


class Address:
    """One name-addr or addr-spec value.

    text: as it came. spec: the URI's text. tail: the *header's* parameters as text, with their first semicolon.
    params: the same by lower-case name.
    """

    __slots__ = ("params", "spec", "tail", "text")

    def __init__(self, text: bytes) -> None:
        self.text = text
        self.spec: bytes
        self.tail: bytes
        self.params: dict[bytes, bytes | None]
        match = _USUAL.fullmatch(text)
        if match is not None:
            self.spec, tag = match.groups()
            self.tail = text[match.end(1) + 1 :]
            self.params = {} if tag is None else {b"tag": tag}
            return
        match = _NAME_ADDR.fullmatch(text) or _ADDR_SPEC.fullmatch(text)
        if match is None:
            raise SipError(400, "Bad address")
        self.spec, self.tail = match.groups()
        params = parameters(self.tail)
        if params is None:
            raise SipError(400, "Bad parameters of an address")
        self.params = params

    @property
    def uri(self) -> Uri:
        """The URI. Raises SipError (416 for a scheme that is not SIP's, else 400)."""
        return parse_uri(self.spec)


read_uri: Callable[[bytes], Uri] = Memo(lambda value: Address(value).uri).__getitem__
"""The URI of a value, for whom its name and its parameters do not matter. Raises as `Address` and its `uri` do."""


def tag(value: bytes) -> bytes:
    """The tag of a From or To value, b"" where there is none (RFC 3261 §19.3)."""
    return read_tag(value) or b""


def read_usual(value: bytes) -> tuple[bytes, bytes] | None:
    """The tag of a From or To value, b"" where there is none, and the text of its URI; None where it is not written as
    nearly all phones write it, so that `read_tag` has to look."""
    match = _USUAL.fullmatch(value)
    return None if match is None else (match[2] or b"", match[1])


def read_tag(value: bytes) -> bytes | None:
    """The same as `tag`; but None where the value has not the shape of an address, or is two, or has two tags, of which
    others might read the other one (RFC 3261 §7.3.1). Its URI is not read."""
    match = _USUAL.fullmatch(value)
    if match is not None:
        return match[2] or b""
    match = _NAME_ADDR.fullmatch(value) or _ADDR_SPEC.fullmatch(value)
    if match is None:
        return None
    tail = match[2]
    if b'"' in tail:
        tail = _QUOTED.sub(_NO_TAG + rb"\1", tail)  # it may hold a comma or a ";tag=" of its own
    tags = _TAG.findall(tail)
    if b'"' in tail or b"," in tail or len(tags) > 1 or tags == [_NO_TAG]:
        return None
    return tags[0] if tags else b""
