"""The glossary: every word in every language, short, spelled alike, and there for all that ordinary phones send."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sipfullproxy.explain.glossary import (
    MOST_TERMS,
    key_of_header,
    key_of_sdp,
    key_of_start,
    terms,
    word,
    words,
)  # fmt: skip
from sipfullproxy.explain.reading import read
from sipfullproxy.explain.words import toml
from sipfullproxy.lang import LANGS, Lang
from sipfullproxy.sip.phrases import PHRASES
from tests.pcap import read as read_pcap
from tests.test_captures import CAPTURES

ROOMS = ("headers", "methods", "statuses", "sdp", "parameters")
LONGEST = 200
"""Characters of a text: what fits into two or three lines beside a message."""

RFC_3261_20 = """
Accept Accept-Encoding Accept-Language Alert-Info Allow Authentication-Info Authorization Call-ID Call-Info
Contact Content-Disposition Content-Encoding Content-Language Content-Length Content-Type CSeq Date Error-Info
Expires From In-Reply-To Max-Forwards Min-Expires MIME-Version Organization Priority Proxy-Authenticate
Proxy-Authorization Proxy-Require Record-Route Reply-To Require Retry-After Route Server Subject Supported
Timestamp To Unsupported User-Agent Via Warning WWW-Authenticate
"""

SENT_BY_PHONES = """
Allow-Events Event Refer-To Referred-By Replaces Reason Subscription-State Session-Expires Min-SE RAck RSeq
SIP-ETag SIP-If-Match Diversion P-Asserted-Identity P-Preferred-Identity Privacy Path Service-Route
Answer-Mode Target-Dialog Max-Breadth Refer-Sub Content-ID Accept-Contact Remote-Party-ID
"""

METHODS = """
INVITE ACK CANCEL BYE OPTIONS INFO MESSAGE REFER PRACK UPDATE SUBSCRIBE PUBLISH NOTIFY REGISTER
"""

LINES = """
v=0|o=- 1 1 IN IP4 h|s=Talk|c=IN IP4 h|t=0 0|m=audio 1 RTP/AVP 0|a=rtpmap:0 PCMU/8000|a=fmtp:96 x=1|a=sendrecv|
a=sendonly|a=recvonly|a=inactive|a=rtcp-fb:* nack|a=candidate:1 1 UDP 1 h 1 typ host|a=crypto:1 x|
a=fingerprint:sha-256 AA|a=setup:actpass|a=mid:0|a=group:BUNDLE 0|b=AS:64|
a=rtcp:9|a=rtcp-mux|a=ptime:20|a=ice-ufrag:x|a=ice-pwd:x|a=ssrc:1 x
""".replace("\n", "").split("|")  # fmt: skip


@pytest.mark.parametrize("room", ROOMS)
def test_every_entry_has_every_language_and_is_short(room: str) -> None:
    for name, entry in toml("glossary", room).items():
        for column in ("sk", "en", *(f"try_{lang}" for lang in LANGS if f"try_{LANGS[0]}" in entry)):
            text = entry[column]
            assert 15 <= len(text) <= LONGEST, f"{room} {name} {column}: {len(text)}"
            assert text == text.strip() and text[-1] in ".…?" and "  " not in text, f"{room} {name} {column}"
            assert text.count(". ") <= 2, f"{room} {name} {column}: more than three sentences"
        assert entry["sk"] != entry["en"] and entry["source"], name
        assert set(entry) <= {"sk", "en", "try_sk", "try_en", "source"}, name


def test_slovak_is_written_with_its_marks() -> None:
    """Of a text of any length some letter has one; what has none was probably typed without them."""
    marked = re.compile("[áäčďéíĺľňóôŕšťúýžÁČĎÉÍĽŇÓŠŤÚÝŽ]")
    for key, entry in words("sk").items():
        assert marked.search(entry.text) or len(entry.text) < 40, key


def test_terms_are_spelled_alike() -> None:
    other = re.compile(
        r"\b(Callid|Call-Id|call-id|Cseq|record-route|max-forwards|request-uri|user agent|sip|Sdp|sdp|nat)\b"
    )
    in_words = re.compile(r"\b(e-mail address|proxys|proxies server|INVITom|telefon|volajuci|fork-u)\b")
    for lang in LANGS:
        for key, entry in words(lang).items():
            for text in (entry.text, entry.hint):
                text = re.sub(r"sip:|sips:|application/sdp", "", text)
                assert not other.search(text) and not in_words.search(text), (key, text)


@pytest.mark.parametrize("name", (RFC_3261_20 + SENT_BY_PHONES).split())
def test_every_header_that_a_lab_meets_is_explained(name: str) -> None:
    key = key_of_header(name.lower().encode())
    entry = word(key, "en")
    assert entry is not None and entry.title == name


def test_every_method_and_every_status_is_explained() -> None:
    assert [method for method in METHODS.split() if word(f"method.{method}", "sk") is None] == []
    for status, phrases in PHRASES.items():
        for lang, phrase in zip(LANGS, phrases, strict=True):
            entry = word(f"status.{status}", lang)
            assert entry is not None and entry.title == f"{status} {phrase}"
    statuses = {name for name in toml("glossary", "statuses") if name.isdigit()}
    assert statuses == {str(status) for status in PHRASES}


@pytest.mark.parametrize("status", [403, 404, 408, 480, 481, 482, 486, 488, 500, 603])
@pytest.mark.parametrize("lang", LANGS)
def test_the_failures_of_the_lab_say_what_to_try(status: int, lang: Lang) -> None:
    entry = word(f"status.{status}", lang)
    assert entry is not None and entry.hint


@pytest.mark.parametrize("line", LINES)
def test_every_line_of_a_session_description_is_explained(line: str) -> None:
    key = key_of_sdp(line.encode())
    assert word(key, "sk") is not None
    if line.startswith("a="):
        assert key != "sdp.a", "by its own word, not as just any attribute"


def test_what_nobody_knows_has_no_key() -> None:
    assert key_of_header(b"x-strange") == key_of_header(b"\xff") == ""
    assert key_of_sdp(b"no line") == key_of_sdp(b"\xff=") == key_of_sdp(b"") == ""
    assert key_of_sdp(b"a=x-own:1") == "sdp.a"
    assert word("", "sk") is None and word("header.nonsense", "en") is None


def test_a_status_that_nobody_registered_is_one_of_its_class() -> None:
    assert key_of_start(read(b"SIP/2.0 499 Hm\r\n\r\n")) == "status.4xx"
    assert word("status.4xx", "sk") is not None
    assert key_of_start(read(b"SIP/2.0 180 Ringing\r\n\r\n")) == "status.180"
    assert key_of_start(read(b"INVITE sip:a@b SIP/2.0\r\n\r\n")) == "method.INVITE"
    assert key_of_start(read(b"MAGIC sip:a@b SIP/2.0\r\n\r\n")) == key_of_start(read(b"junk")) == ""


def test_the_parameters_of_a_line() -> None:
    via = b"SIP/2.0/UDP 10.0.0.10:5060;branch=z9hG4bKx;rport=5060;received=10.0.0.1"
    assert terms(via) == ("param.branch", "param.rport", "param.received")
    contact = b'"A" <sip:a@h;transport=udp>;+sip.instance="<urn:uuid:1>";expires=3600;q=0.5'
    assert terms(contact) == ("param.transport", "param.+sip.instance", "param.expires", "param.q")
    assert terms(b'Digest realm="x", nonce="y", algorithm=MD5') == ("param.realm", "param.nonce", "param.algorithm")
    assert terms(b"<sip:10.0.0.1;lr>") == ("param.lr",)
    assert terms(b"a" + b";x=1" * 20_000) == ()
    everything = b"".join(b";%b=1" % name.encode() for name in toml("glossary", "parameters"))
    assert len(terms(everything)) == MOST_TERMS


@pytest.mark.skipif(
    not CAPTURES.is_dir(), reason="../shared/captures is not here: real people's calls, not ours to publish"
)
def test_whatever_linphone_sent_is_explained() -> None:
    for file in sorted(Path(CAPTURES).glob("*.pcap")):
        for datagram in read_pcap(file):
            reading = read(datagram.data)
            assert key_of_start(reading), reading.start
            for name, line in reading.lines:
                assert key_of_header(name), line
            if reading.sdp is not None:
                for line in reading.body.splitlines():
                    assert key_of_sdp(line), line
                    assert key_of_sdp(line) != "sdp.a" or line.startswith((b"a=X-", b"a=nortpproxy")), line
