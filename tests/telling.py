"""Events and passages for the tests of what remembers them: only what a test is about needs to be said."""

from __future__ import annotations

from typing import Any

from sipfullproxy.engine.events import KINDS, Event
from sipfullproxy.engine.flow import Flow, Send
from sipfullproxy.journal.passage import Passage

ALICE, BOB = "alice@10.0.0.1", "bob@10.0.0.1"


def event(kind: str, time: float = 0.0, call: str = "c", leg: str = "l", **fields: Any) -> Event:
    """An event of that kind; of a call from alice to bob, if nothing else is said."""
    given: dict[str, Any] = {"serial": 1, "time": time}
    alone = kind in ("experiment", "banned", "unbanned")
    if not alone:
        given["who"] = ALICE
    if kind in ("registered", "unregistered"):
        given |= {"address": "10.0.0.10:5060", "contact": "sip:a@10.0.0.10"}
        given |= {"agent": "Linphone", "expires": 60} if kind == "registered" else {"why": "expired"}
    elif not alone and kind != "rejected":
        given |= {"call": call, "leg": leg, "whom": BOB}
    further: dict[str, dict[str, Any]] = {
        "experiment": {"drop": 20, "delay": 0, "stateless": False, "record_route": True, "fork": True},
        "rejected": {"address": "10.0.0.66:5060"}, "unbanned": {"address": "10.0.0.66"},
        "banned": {"address": "10.0.0.66", "seconds": 60.0, "why": "logins", "proved": True},
        "started": {"video": False}, "ended": {"duration": 1.0, "why": "bye"},
        "forwarded": {"to": "carol@10.0.0.1", "why": "busy"},
        "located": {"names": "b.sk → sip.b.sk", "address": "192.0.2.1:5060", "transport": "udp"},
        "transferred": {"to": "dan@10.0.0.1", "succeeded": True, "why": "200 OK"},
    }  # fmt: skip
    given |= further.get(kind, {})
    if kind in ("busy", "declined", "cancelled", "missed", "failed"):
        given |= {"status": 486, "why": "Obsadené"}
    return KINDS[kind](**given | fields)


ALICES = Flow("udp", ("10.0.0.1", 5060), ("10.0.0.10", 5060))
BOBS = Flow("udp", ("10.0.0.1", 5060), ("10.0.0.11", 5060))


def message(call_id: str, body: str = "") -> bytes:
    """A message of that call."""
    return f"OPTIONS sip:b SIP/2.0\r\nVia: SIP/2.0/UDP h\r\nCall-ID: {call_id}\r\n\r\n{body}".encode()


def passage(call_id: str, *answers: str, time: float = 0.0, body: str = "") -> Passage:
    """A message of a call comes in, and these go out because of it."""
    sends = [Send(BOBS, message(call_id, answer), 7, ("via-push",)) for answer in answers]
    return Passage(time, 7, ALICES, message(call_id, body), sends)
