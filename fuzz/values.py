"""A header value, a URI, a login or a session description: a value or a SipError, never anything else, for any bytes.

The first byte of an input chooses who reads the rest.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from sipfullproxy.sip import sdp
from sipfullproxy.sip.digest import read_challenge, read_credentials
from sipfullproxy.sip.errors import SipError
from sipfullproxy.sip.grammar import parameters, split_list, unescape, unfold, unquote, whole_number
from sipfullproxy.sip.headers.address import Address, read_tag
from sipfullproxy.sip.headers.cseq import LARGEST, parse_cseq
from sipfullproxy.sip.headers.via import Via
from sipfullproxy.sip.host import single_machine
from sipfullproxy.sip.uri import Uri

SOURCE = ("192.0.2.9", 5060)


def check(data: bytes) -> None:
    """One reader reads one value."""
    reader = READERS[data[0] % len(READERS)] if data else read_uri
    with suppress(SipError):
        reader(data[1:])


def read_uri(text: bytes) -> None:
    """What is a URI is equal to itself, and is still one when it has gone through the hands of a proxy."""
    uri = Uri(text)
    assert uri.matches(Uri(text))
    assert uri.port is None or 0 < uri.port < 65536
    Uri(uri.without(b"maddr"))
    Uri(uri.for_request())
    single_machine(uri.host)


def read_via(text: bytes) -> None:
    """What is a Via is one with our stamp on it, too; and it then says where the request came from."""
    via = Via(text)
    stamped = Via(via.stamped(*SOURCE))
    assert (stamped.branch, stamped.sent_by, stamped.transport) == (via.branch, via.sent_by, via.transport)
    for trusted in (True, False):
        assert 0 < via.reply_address(SOURCE, trusted)[1] < 65536
    assert via.source[1] < 65536


def read_address(text: bytes) -> None:
    """Both readers of a From agree: what both take for an address has one tag."""
    found = read_tag(text)
    address = Address(text)
    assert found in (None, address.params.get(b"tag") or b"")
    assert address.text == text
    read_uri(address.spec)


def read_list(text: bytes) -> None:
    """Items have no white space around them; to split an item again changes nothing."""
    items = split_list(unfold(text))
    assert items
    for item in items:
        assert split_list(item) == [item] or not item.strip()


def read_cseq(text: bytes) -> None:
    """A number of 32 bits and a method."""
    number, method = parse_cseq(text)
    assert 0 <= number <= LARGEST and method


def read_login(text: bytes) -> None:
    """Credentials and challenges are written so that they are read again as the same."""
    credentials, challenge = read_credentials(text), read_challenge(text)
    if challenge is not None:
        challenge.encode()
    if credentials is not None:
        assert credentials.times >= 0
        credentials.encode()


def read_body(text: bytes) -> None:
    """Never an error, and bounded: what a phone wants to hear and see is only looked at."""
    kind, _, body = text.partition(b"\n")
    found = sdp.parse(sdp.find_sdp(kind, body) or body)
    assert len(found.media) <= sdp.MOST_MEDIA
    assert all(0 <= one.port <= sdp.HIGHEST_PORT for one in found.media)
    assert found.has_video in (True, False) and found.on_hold in (True, False)


def read_pieces(text: bytes) -> None:
    """The small readers."""
    assert len(unescape(text)) <= len(text)
    assert len(unquote(text)) <= len(text)
    number = whole_number(text, 255)
    assert number is None or 0 <= number <= 255
    found = parameters(text)
    assert found is None or all(name == name.lower() for name in found)


READERS: tuple[Callable[[bytes], None], ...] = (
    read_uri, read_via, read_address, read_list, read_cseq, read_login, read_body, read_pieces,
)  # fmt: skip
