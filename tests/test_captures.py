"""Real Linphone calls, recorded when they went through the original proxy, and replayed against ours.

The phones say what they said then, to the byte: their requests as they are, their responses with the Via of the request
that *our* proxy sent them. Then every phone must have got what the original delivered (but for reason phrases, tags and
the proxy's own headers), and what the original swallowed besides.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from sipfullproxy.engine.events import Declined, Ended, Registered, Ringing, Started, Transferred
from sipfullproxy.sip.message import Message, Request, Response
from sipfullproxy.sip.message import parse as parse_message
from tests.helpers import Lab
from tests.pcap import Datagram, read

CAPTURES = Path(__file__).parent.parent.parent / "shared" / "captures"
pytestmark = pytest.mark.skipif(
    not CAPTURES.is_dir(), reason="../shared/captures is not here: it holds real people's calls, not ours to commit"
)

PROXY = ("192.168.1.3", 5060)
BORISKO, MACEK, VERONIKA = ("192.168.1.2", 49006), ("192.168.1.5", 38242), ("192.168.1.18", 53032)
NAMES = {BORISKO: "borisko", MACEK: "macek", VERONIKA: "veronika"}

VERONIKA_ANSWERS = 24.585756
"""Her 200 was too large for one packet, and the capture has its second fragment only, at this time."""

Delivery = tuple[str, str, bytes, bytes, bytes]
"""Who got what: name, method or status, Call-ID, CSeq, body."""


def parsed(data: bytes) -> Request | Response:
    message = parse_message(data)
    message.check()
    return message


def delivery(receiver: tuple[str, int], message: Request | Response) -> Delivery:
    what = message.method.decode() if isinstance(message, Request) else str(message.status)
    return NAMES[receiver], what, message.call_id, message.first(b"cseq") or b"", message.body


class Replay:
    """A recorded story, told once more."""

    def __init__(self, name: str) -> None:
        self.lab = Lab(PROXY)
        self.recorded = read(CAPTURES / name)
        self.phones = {
            address: self.lab.phone(user, f"{address[0]}:{address[1]}", rport=False) for address, user in NAMES.items()
        }
        self.got: dict[tuple[str, int], list[Request]] = {address: [] for address in NAMES}
        self.deliveries: Counter[Delivery] = Counter()

    def run(self) -> None:
        """Let the phones say all that they said, each thing at its time."""
        said = [datagram for datagram in self.recorded if datagram.destination == PROXY]
        if VERONIKA in {datagram.source for datagram in said}:
            said.append(self._lost_answer(said))
        for datagram in sorted(said):
            self.lab.advance(1000 + datagram.time - self.lab.now)
            self._listen()
            message = parsed(datagram.data)
            self.phones[datagram.source].send(
                datagram.data if isinstance(message, Request) else self._as_answer(datagram.source, message)
            )
            self._listen()
        self.lab.advance(60)
        self._listen()

    def _listen(self) -> None:
        """The phones read what came. Only the original kept NOTIFYs from them; so no answer to one was recorded."""
        for address, phone in self.phones.items():
            while phone.inbox:
                message = phone.takes()
                self.deliveries[delivery(address, message)] += 1
                if isinstance(message, Request):
                    self.got[address].append(message)
                    if message.method == b"NOTIFY":
                        phone.reply(message, 200)

    def _as_answer(self, source: tuple[str, int], response: Response) -> bytes:
        """The recorded response, on its way back by the Via lines of the request as it was got here."""
        request = next(request for request in self.got[source][::-1] if _answers(response, request))
        lines = [line for name in (b"via", b"record-route") for line in _lines(request, name)]
        lines += [line for line in response.lines if line.split(b":")[0].lower() not in (b"via", b"record-route")]
        return b"\r\n".join((response.start, *lines, b"", response.body))

    def _lost_answer(self, said: list[Datagram]) -> Datagram:
        """Veronika's 200, made of her 180, the Contact that she registered, and the description of somebody else."""
        mine = [parsed(datagram.data) for datagram in said if datagram.source == VERONIKA]
        ringing = next(message for message in mine if isinstance(message, Response) and message.status == 180)
        register = next(message for message in mine if isinstance(message, Request) and message.method == b"REGISTER")
        others = [parsed(datagram.data) for datagram in said if datagram.source == BORISKO]
        body = next(message.body for message in others if message.body).replace(b"192.168.1.2", b"192.168.1.18")
        lines = [*ringing.lines, *_lines(register, b"contact"), b"Content-Type: application/sdp"]
        data = b"\r\n".join((b"SIP/2.0 200 Ok", *lines, b"Content-Length: %d" % len(body), b"", body))
        return Datagram(VERONIKA_ANSWERS, VERONIKA, PROXY, data)

    @property
    def original(self) -> Counter[Delivery]:
        """What the original proxy delivered."""
        return Counter(
            delivery(datagram.destination, parsed(datagram.data))
            for datagram in self.recorded
            if datagram.source == PROXY
        )


def _answers(response: Response, request: Request) -> bool:
    return (response.call_id, response.cseq, response.cseq_method) == (request.call_id, request.cseq, request.method)


def _lines(message: Message, name: bytes) -> list[bytes]:
    return [message.lines[position] for position in message.where.get(name, ())]


@pytest.fixture
def replay(request: pytest.FixtureRequest) -> Replay:
    made = Replay(request.param)
    made.run()
    return made


def story(lab: Lab) -> list[tuple[str, str, str]]:
    return [(event.kind, getattr(event, "who", ""), getattr(event, "whom", "")) for event in lab.told()]


borisko, macek, veronika = (f"{name}@192.168.1.3" for name in ("borisko", "macek", "veronika"))


@pytest.mark.parametrize("replay", ["rewrite_message.pcap"], indirect=True)
def test_registrations(replay: Replay) -> None:
    assert replay.deliveries == replay.original
    told = [event for event in replay.lab.events if isinstance(event, Registered)]
    assert [(event.who, event.address, event.expires) for event in told] == [
        (macek, "192.168.1.5:38242", 3600),
        (borisko, "192.168.1.2:49006", 3600),
    ]
    assert [event.agent.split("/")[0] for event in told] == ["LinphoneAndroid", "LinphoneAndroid"]


@pytest.mark.parametrize("replay", ["normal_call.pcap"], indirect=True)
def test_a_call(replay: Replay) -> None:
    assert replay.deliveries == replay.original
    ringing, started, ended = replay.lab.told()[2:]
    assert isinstance(ringing, Ringing)
    assert isinstance(started, Started)
    assert isinstance(ended, Ended)
    assert story(replay.lab)[2:] == [
        ("ringing", macek, borisko),
        ("started", macek, borisko),
        ("ended", borisko, macek),
    ]
    assert not started.video
    assert round(ended.duration, 1) == 8.5
    assert (started.call, started.leg) == ("QyChcuJ5-8", "8KySaViD~")


@pytest.mark.parametrize("replay", ["decline_call.pcap"], indirect=True)
def test_a_declined_call(replay: Replay) -> None:
    """Only one ACK reaches borisko: ours, of the hop (RFC 3261 §17.1.1.3); the one of macek ends here."""
    assert replay.deliveries == replay.original
    assert story(replay.lab)[2:] == [("ringing", macek, borisko), ("declined", macek, borisko)]
    declined = replay.lab.events[-1]
    assert isinstance(declined, Declined)
    assert (declined.status, declined.why) == (603, "Decline")


@pytest.mark.parametrize("replay", ["transfer_call.pcap"], indirect=True)
def test_a_blind_transfer(replay: Replay) -> None:
    """Macek sends borisko on to veronika. Here at last he learns how it went."""
    more = replay.deliveries - replay.original
    assert not replay.original - replay.deliveries
    assert sorted((who, what, body) for who, what, _, _, body in more if what != "200") == [
        ("macek", "NOTIFY", b"SIP/2.0 100 Trying\r\n"),
        ("macek", "NOTIFY", b"SIP/2.0 200 Ok\r\n"),
    ]
    assert [(who, cseq) for who, what, _, cseq, _ in more if what == "200"] == [("borisko", b"20 INVITE")]
    assert story(replay.lab) == [
        ("registered", borisko, ""),
        ("registered", macek, ""),
        ("registered", veronika, ""),
        ("ringing", macek, borisko),
        ("started", macek, borisko),
        ("ringing", borisko, veronika),
        ("held", borisko, macek),
        ("started", borisko, veronika),
        ("transferred", macek, borisko),
        ("ended", veronika, borisko),
        ("ended", borisko, macek),
    ]
    (transferred,) = replay.lab.told("transferred")
    assert isinstance(transferred, Transferred)
    assert (transferred.to, transferred.succeeded, transferred.why) == (veronika, True, "200 Ok")


@pytest.mark.parametrize(
    "replay", ["rewrite_message.pcap", "normal_call.pcap", "decline_call.pcap", "transfer_call.pcap"], indirect=True
)
def test_nothing_goes_astray_and_nothing_stays(replay: Replay) -> None:
    """And no phone says anything twice: no retransmission was provoked."""
    assert replay.lab.astray == []
    assert max(replay.deliveries.values()) == 1
    replay.lab.advance(5000)
    assert replay.lab.engine.load == {"transactions": 0, "timers": 0, "calls": 0, "bindings": 0}


def test_the_phones_speak_from_where_they_registered() -> None:
    """The reader of captures itself: addresses, order and time."""
    datagrams = read(CAPTURES / "normal_call.pcap")
    assert len(datagrams) == 18
    assert datagrams[0][:3] == (0.0, BORISKO, PROXY)
    assert round(datagrams[-1].time, 6) == 22.127703
