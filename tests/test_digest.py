"""Digest logins on the wire (RFC 3261 §22.4, RFC 7616, RFC 8760), with the examples of the RFCs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipfullproxy.sip.digest import (
    ALGORITHMS,
    MD5,
    SHA256,
    Challenge,
    Credentials,
    hash_of,
    proof,
    read_challenge,
    read_credentials,
)
from sipfullproxy.sip.grammar import PARAMETER_LIMIT

RFC7616 = (
    b'Digest username="Mufasa", realm="http-auth@example.org", uri="/dir/index.html", algorithm=%b, '
    b'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", nc=00000001, '
    b'cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", qop=auth, response="%b", '
    b'opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
)
"""§3.9.1, with the algorithm and its response left open."""
RFC2617 = (
    b'Digest username="Mufasa",realm="testrealm@host.com",nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093",'
    b'uri="/dir/index.html",qop=auth,nc=00000001,cnonce="0a4f113b",response="6629fae49393a05397450978507c4ef1",'
    b'opaque="5ccc069c403ebaf9f0171e9517f40e41"'
)
"""§3.5: without an algorithm."""

text = st.binary(max_size=20).filter(lambda value: not set(value) & {10, 13})
token = st.text("abcXYZ019-_.", min_size=1, max_size=9).map(str.encode)


@pytest.mark.parametrize(
    ("value", "algorithm", "password"),
    [
        (RFC7616 % (b"MD5", b"8ca523f5e9506fed4657c9700eebdbec"), MD5, b"Circle of Life"),
        (
            RFC7616 % (b"SHA-256", b"753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
            SHA256, b"Circle of Life",
        ),
        (RFC2617, MD5, b"Circle Of Life"),
    ],
)  # fmt: skip
def test_the_examples_of_the_rfcs(value: bytes, algorithm: bytes, password: bytes) -> None:
    read = read_credentials(value)
    assert read is not None
    assert read.hash_name == algorithm
    assert proof(read, algorithm, hash_of(algorithm, read.user, read.realm, password), b"GET") == read.response
    assert read.times == 1


def test_the_best_algorithm_stands_first() -> None:
    assert ALGORITHMS == (SHA256, MD5)


@given(text, text, st.sampled_from((b"", *ALGORITHMS)), st.sampled_from((b"", b"auth")), st.booleans(), text)
def test_a_challenge_that_is_written_reads_as_it_was(
    realm: bytes, nonce: bytes, algorithm: bytes, qop: bytes, stale: bool, opaque: bytes
) -> None:
    challenge = Challenge(realm, nonce, algorithm, qop, stale, opaque)
    assert read_challenge(challenge.encode()) == challenge


@given(text, text, text, text, text, st.sampled_from((b"", *ALGORITHMS)), text, token)
def test_credentials_that_are_written_read_as_they_were(
    user: bytes, realm: bytes, nonce: bytes, uri: bytes, response: bytes, algorithm: bytes, cnonce: bytes, nc: bytes
) -> None:
    credentials = Credentials(user, realm, nonce, uri, response, algorithm, b"auth", cnonce, nc)
    assert read_credentials(credentials.encode()) == credentials


def test_how_they_are_written() -> None:
    """Some phones are strict about quotes: `qop` has them in a challenge only, `algorithm` and `nc` never."""
    assert Challenge(b"r", b"n", MD5, b"auth", True).encode() == (
        b'Digest realm="r", nonce="n", stale=true, algorithm=MD5, qop="auth"'
    )
    assert Credentials(b'a"b', b"r", b"n", b"sip:b", b"0f", MD5, b"auth", b"c", b"00000001").encode() == (
        b'Digest username="a\\"b", realm="r", nonce="n", uri="sip:b", response="0f", algorithm=MD5, qop=auth, '
        b'cnonce="c", nc=00000001'
    )


@pytest.mark.parametrize(
    "value",
    [
        b'digest USERNAME="a",Realm = "r" , nonce="n",uri="sip:b;lr,x=<y>",response=0f',
        b'Digest\tusername="a",realm="r",nonce="n",,uri="sip:b;lr,x=<y>",response="0f",never-heard-of="x, y"',
    ],
)
def test_what_is_written_loosely_is_read(value: bytes) -> None:
    assert read_credentials(value) == Credentials(b"a", b"r", b"n", b"sip:b;lr,x=<y>", b"0f")


GOOD = b'username="a",realm="r",nonce="n",uri="u",response="0f"'


@pytest.mark.parametrize(
    "value",
    [
        b"", b"Digest", b"Digest ", b"Basic " + GOOD, b"Digestive " + GOOD,
        b"Digest " + GOOD.replace(b"nonce", b"once"),
        b"Digest " + GOOD + b',realm="other"', b"Digest " + GOOD + b',qop="auth', b"Digest " + GOOD + b",qop",
        b"Digest " + GOOD + b',a="b"c', b"Digest " + GOOD + b"".join(b",p%d=1" % n for n in range(PARAMETER_LIMIT)),
    ],
)  # fmt: skip
def test_what_is_no_login_is_none(value: bytes) -> None:
    assert read_credentials(value) is None


@pytest.mark.parametrize("value", [b'Basic realm="r"', b'Digest realm="r"', b'Digest nonce="n"', b"Digest realm"])
def test_what_is_no_challenge_is_none(value: bytes) -> None:
    assert read_challenge(value) is None


@pytest.mark.parametrize(
    ("algorithm", "name"), [(b"", MD5), (b"md5", MD5), (b"sha-256", SHA256), (b"MD5-sess", b"MD5-SESS")]
)
def test_which_algorithm_it_is(algorithm: bytes, name: bytes) -> None:
    assert Credentials(b"a", b"r", b"n", b"u", algorithm=algorithm).hash_name == name


@pytest.mark.parametrize(("nc", "times"), [(b"0000000A", 10), (b"1", 0), (b"-0000001", 0), (b"", 0), (b"9" * 9, 0)])
def test_a_count_has_eight_digits(nc: bytes, times: int) -> None:
    assert Credentials(b"a", b"r", b"n", b"u", nc=nc).times == times
