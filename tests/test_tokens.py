"""Flow tokens (RFC 5626 §5.2): what we made comes back as it was, what we did not make is nothing."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipfullproxy.engine.flow import Flow
from sipfullproxy.engine.tokens import SIGNATURE, Tokens, is_token
from sipfullproxy.sip.errors import SipError
from sipfullproxy.sip.uri import parse_uri

LOCAL = ("10.0.0.1", 5060)
TOKENS = Tokens(b"key", LOCAL)
FLOWS = [
    Flow("udp", LOCAL, ("192.168.1.10", 56666)),
    Flow("udp", LOCAL, ("2001:db8::1", 5060)),
    Flow("tcp", LOCAL, ("192.168.1.10", 40000), 12345),
]


@pytest.mark.purpose(
    "RFC5626_02",
    given="the token of a UDP flow or of a connection", expect="read back, it is that flow",
)  # fmt: skip
@pytest.mark.parametrize("flow", FLOWS)
def test_a_flow_comes_back_as_it_was(flow: Flow) -> None:
    assert TOKENS.read(TOKENS.make(flow)) == flow


@pytest.mark.parametrize("flow", FLOWS)
def test_a_token_can_stand_as_the_user_of_a_uri(flow: Flow) -> None:
    token = TOKENS.make(flow)
    assert parse_uri(b"sip:" + token + b"@10.0.0.1:5060;lr").user == token
    assert b"%" not in token and b"=" not in token


def test_a_token_outlives_a_restart_and_a_new_local_address() -> None:
    flow = FLOWS[0]
    assert Tokens(b"key", ("10.0.0.2", 5070)).read(TOKENS.make(flow)) == flow._replace(local=("10.0.0.2", 5070))


def is_refused(token: bytes, tokens: Tokens = TOKENS) -> bool:
    """Whether it has the form of a token, and is none of ours."""
    with pytest.raises(SipError) as caught:
        tokens.read(token)
    return is_token(token) and caught.value.status == 403


def test_with_another_key_it_is_refused() -> None:
    assert is_refused(TOKENS.make(FLOWS[0]), Tokens(b"other", LOCAL))


def test_a_token_that_was_cut_is_nothing_or_refused() -> None:
    token = TOKENS.make(FLOWS[2])
    assert is_refused(token[:-4])
    for length in range(len(token)):
        if is_token(token[:length]):
            assert is_refused(token[:length])
        else:
            assert TOKENS.read(token[:length]) is None


def test_a_token_with_another_flow_under_an_old_signature_is_refused() -> None:
    raw = urlsafe_b64decode(TOKENS.make(FLOWS[0]) + b"==")
    forged = raw[:SIGNATURE] + raw[SIGNATURE:].replace(b"192.168.1.10", b"192.168.1.11")
    assert is_refused(urlsafe_b64encode(forged).rstrip(b"="))


@pytest.mark.parametrize(
    "name",
    [
        b"", b"alice", b"proxy", b"ucebna-2", b"+421905123456", b"\xff\xfe\x80", "čaj".encode(), b"====", b"A", b"%41",
        b"-" * 10_000, b"sipfullproxy-of-the-school", TOKENS.make(FLOWS[0]) + b".", TOKENS.make(FLOWS[0])[:14],
    ],
)  # fmt: skip
def test_a_name_is_no_token(name: bytes) -> None:
    assert TOKENS.read(name) is None
    assert not is_token(name)


@given(st.binary(max_size=100))
def test_no_bytes_are_taken_for_a_token(name: bytes) -> None:
    assert TOKENS.read(name) is None


@pytest.mark.purpose(
    "RFC5626_02",
    given="a token with any one bit changed", expect="it names no flow",
)  # fmt: skip
@given(st.integers(min_value=0, max_value=8 * (SIGNATURE + 20) - 1))
def test_no_bit_of_it_can_be_changed(bit: int) -> None:
    raw = bytearray(urlsafe_b64decode(TOKENS.make(FLOWS[0]) + b"=="))
    raw[bit // 8] ^= 1 << bit % 8
    changed = urlsafe_b64encode(bytes(raw)).rstrip(b"=")
    assert is_refused(changed) if is_token(changed) else TOKENS.read(changed) is None
    assert is_token(changed) or bit >= 8 * SIGNATURE, "whatever the signature is, it has the form of one"
