"""Flow tokens (RFC 5626 §5.2): what we made comes back as it was, what we did not make is nothing."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipfullproxy.engine.flow import Flow
from sipfullproxy.engine.tokens import SIGNATURE, Tokens
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


def test_with_another_key_it_is_nothing() -> None:
    assert Tokens(b"other", LOCAL).read(TOKENS.make(FLOWS[0])) is None


def test_a_token_that_was_cut_is_nothing() -> None:
    token = TOKENS.make(FLOWS[0])
    assert [TOKENS.read(token[:length]) for length in range(len(token))] == [None] * len(token)


def test_a_token_with_another_flow_under_an_old_signature_is_nothing() -> None:
    raw = urlsafe_b64decode(TOKENS.make(FLOWS[0]) + b"==")
    forged = raw[:SIGNATURE] + raw[SIGNATURE:].replace(b"192.168.1.10", b"192.168.1.11")
    assert TOKENS.read(urlsafe_b64encode(forged).rstrip(b"=")) is None


@pytest.mark.parametrize(
    "token", [b"", b"alice", b"\xff\xfe\x80", "čaj".encode(), b"====", b"A", b"%41", b"-" * 10_000]
)
def test_nonsense_is_nothing(token: bytes) -> None:
    assert TOKENS.read(token) is None


@given(st.binary(max_size=100))
def test_no_bytes_at_all_raise(token: bytes) -> None:
    assert TOKENS.read(token) is None


@pytest.mark.purpose(
    "RFC5626_02",
    given="a token with any one bit changed", expect="read back, it is nothing",
)  # fmt: skip
@given(st.integers(min_value=0, max_value=8 * (SIGNATURE + 20) - 1))
def test_no_bit_of_it_can_be_changed(bit: int) -> None:
    raw = bytearray(urlsafe_b64decode(TOKENS.make(FLOWS[0]) + b"=="))
    raw[bit // 8] ^= 1 << bit % 8
    assert TOKENS.read(urlsafe_b64encode(bytes(raw)).rstrip(b"=")) is None
