"""The one error of this package: it carries the answer that the sender of the message deserves."""

from __future__ import annotations


class SipError(Exception):
    """A message cannot be served, and this is the response to say so.

    status: SIP status code of the response (400-699). reason: one English sentence for the reader of a trace; it goes
    out in a Warning header, because the reason phrase belongs to the phrase book. headers: further header lines of the
    response, each `(name, value)`. Any other exception that escapes from `sip/` is a bug.
    """

    def __init__(self, status: int, reason: str, *headers: tuple[bytes, bytes]) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.headers = headers

    def __str__(self) -> str:
        return f"{self.status} {self.reason}"
