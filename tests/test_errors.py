"""The one error: it carries the answer that the sender deserves."""

from __future__ import annotations

from sipfullproxy.sip.errors import SipError


def test_an_error_is_a_response_in_the_making() -> None:
    error = SipError(423, "Too brief", (b"Min-Expires", b"60"))
    assert (error.status, error.reason, error.headers) == (423, "Too brief", ((b"Min-Expires", b"60"),))
    assert str(error) == "423 Too brief"
