"""What workers tell each other comes out as it went in."""

from __future__ import annotations

import pytest

from sipfullproxy.engine.flow import Flow
from sipfullproxy.engine.replica import Came, Guess, Went
from sipfullproxy.workers.parcel import (
    CHANGES,
    Changes,
    Forward,
    Logins,
    Lost,
    Message,
    Outgoing,
    Parcel,
    Wrong,
    decode,
    encode,
)
from tests.helpers import PROXY, Lab

FLOW = Flow("tcp", PROXY, ("10.0.0.9", 5060), 7)

PARCELS: list[Parcel] = [
    Message(FLOW, b"\0\xffINVITE"), Outgoing(FLOW, b"200"), Lost(FLOW), Changes([Went("name", b"alice")]),
    Changes([Guess(b"alice", False, "udp", *PROXY, "10.0.0.9", 5060, 0)]),
    Forward(b"alice", {"always": "bob", "after": 20}), Forward(b"alice", None), Wrong({"drop": 20, "fork": False}),
    Logins(b"realm", (b"MD5",), {b"alice": {b"MD5": b"0" * 32}, b"gone": {}}),
]  # fmt: skip


@pytest.mark.parametrize("parcel", PARCELS, ids=lambda parcel: type(parcel).__name__)
def test_it_comes_out_as_it_went_in(parcel: Parcel) -> None:
    out = decode(encode(parcel))
    assert type(out) is type(parcel) and out == parcel
    if isinstance(out, Message | Outgoing | Lost):
        assert isinstance(out.flow, Flow)


def test_a_binding_does_too() -> None:
    lab = Lab(followed=True)
    lab.phone("alice").register()
    changes = lab.engine.changes()
    out = decode(encode(Changes(changes)))
    assert isinstance(out, Changes) and out.changes == changes
    assert isinstance(out.changes[0], Came)


def test_the_most_changes_fit_into_a_datagram() -> None:
    """Those of phones that write as much as they may."""
    lab = Lab(followed=True)
    long = "x" * 1000
    lab.phone("a" * 255).register(contacts=[f"<sip:{long}@10.0.0.9>;p={long}"], headers=(f"User-Agent: {long}",))
    (change,) = lab.engine.changes()
    assert len(encode(Changes([change] * CHANGES))) < 212_992
