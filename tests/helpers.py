"""The virtual lab: phones around an engine, on a virtual clock, without a socket and without a sleep.

    lab = Lab()
    alice, bob = lab.phone("alice"), lab.phone("bob")
    alice.register(), bob.register()
    invite = alice.invite("bob")
    bob.ring(bob.takes("INVITE"))
    assert alice.takes(180)

A phone does only what a test tells it to; nothing is answered by itself. What arrives waits in its inbox.
"""

from __future__ import annotations

from collections import deque
from itertools import count
from typing import Any, Protocol

from sipfullproxy.engine.config import Config
from sipfullproxy.engine.engine import Engine
from sipfullproxy.engine.events import Event
from sipfullproxy.engine.flow import WEBSOCKETS, Flow, Local, Send
from sipfullproxy.engine.lookups import Question
from sipfullproxy.sip.headers.address import Address, tag
from sipfullproxy.sip.host import endpoint
from sipfullproxy.sip.message import Request, Response, parse, value_of
from sipfullproxy.sip.phrases import Phrasebook
from tests.zones import Zone, find

PROXY = ("10.0.0.1", 5060)

SDP = "v=0\r\no=- 1 1 IN {kind} {ip}\r\ns=-\r\nc=IN {kind} {ip}\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\na={direction}\r\n"
VIDEO = "m=video {port} RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\n"


def sdp(ip: str = "10.0.0.9", direction: str = "sendrecv", video: bool = False) -> str:
    """A small session description."""
    return SDP.format(ip=ip, kind="IP6" if ":" in ip else "IP4", direction=direction) + (
        VIDEO.format(port=4002) if video else ""
    )


class Network(Protocol):
    """What a phone hangs on: this lab, or a real network (tests/kamailio/stage.py)."""

    def put(self, data: bytes, source: tuple[str, int]) -> list[Send]:
        """A datagram arrives at the proxy."""


class Lab:
    """One engine, its clock and everybody around it.

    zone: the DNS, for those who give `resolve=True`. questions: what it was asked, and has not answered yet.
    spare: see `Engine.receive`.
    sent, sent_at: all that the engine ever sent, and when. astray: what of it went to nobody here. events: all told.
    """

    def __init__(self, address: tuple[str, int] = PROXY, **settings: Any) -> None:
        self.address = address
        self.now = 1000.0
        self.sent: list[Send] = []
        self.sent_at: list[float] = []
        self.astray: list[Send] = []
        self.events: list[Event] = []
        self.phones: dict[tuple[str, int], Phone] = {}
        self.dropping = 0
        self.spare = False
        self.zone: Zone = {}
        self.questions: list[Question] = []
        numbers = count(1)
        settings.setdefault("phrases", Phrasebook(mode="off"))
        self.listen: tuple[Local, ...] = settings.setdefault("listen", (("udp", address), ("tcp", address)))
        self.engine = Engine(
            Config(address=address, flow_key=b"key of the virtual lab", **settings),
            random=lambda size: next(numbers).to_bytes(size, "big"),
        )

    def phone(self, user: str, address: str = "", contact: str = "", **more: Any) -> Phone:
        """A phone of that user; address: `host:port` that it sends from; contact: its Contact URI, if that differs."""
        free = next(f"10.0.0.{n}" for n in count(len(self.phones) + 10) if (f"10.0.0.{n}", 5060) not in self.phones)
        host, _, port = (address or f"{free}:5060").rpartition(":")
        place = host.strip("[]"), int(port)
        phone = self.phones[place] = Phone(self, user, place, contact, **more)
        return phone

    def registered(self, *users: str) -> list[Phone]:
        """Phones that are registered, with what that sent and told forgotten."""
        phones = [self.phone(user) for user in users]
        for phone in phones:
            phone.register()
        self.events.clear()
        self.sent.clear()
        self.sent_at.clear()
        return phones

    def put(self, data: bytes, source: tuple[str, int]) -> list[Send]:
        """A datagram arrives at the proxy; or a message by the connection of a phone that has one."""
        return self._carry(self.engine.receive(data, self.source(source), self.now, self.spare))

    def source(self, address: tuple[str, int]) -> Flow:
        """The way by which comes what is put at an address."""
        phone = self.phones.get(address)
        return Flow("udp", self.local(address), address) if phone is None else self.flow(phone)

    def flow(self, phone: Phone) -> Flow:
        """The way to a phone."""
        return Flow(phone.transport, self.local(phone.address, phone.transport), phone.address, phone.connection)

    def local(self, remote: tuple[str, int], transport: str = "") -> tuple[str, int]:
        """The address of ours that somebody sends to: of his IP version, and of that transport if there is one."""
        doors = [(name, local) for name, local in self.listen if (":" in local[0]) == (":" in remote[0])]
        return next((local for name, local in doors if name == transport), doors[0][1])

    def cut(self, phone: Phone) -> None:
        """The connection of a phone ends; the next that it sends goes by a new one."""
        lost = self.flow(phone)
        phone.connection += 1
        self._carry(self.engine.lost(lost, self.now))

    def advance(self, seconds: float) -> None:
        """Let time go by; every timer fires when it is due."""
        end = self.now + seconds
        while (at := self.engine.next_timer()) is not None and at <= end:
            self.now = max(self.now, at)
            self._carry(self.engine.tick(self.now))
        self.now = end

    def lose(self, address: tuple[str, int], transport: str = "udp") -> None:
        """The network tells that nothing can be sent to an address."""
        self._carry(self.engine.lost(Flow(transport, self.local(address), address), self.now))

    def resolve(self) -> None:
        """The DNS answers all questions."""
        waiting, self.questions = self.questions, []
        for question in waiting:
            found, _ = find(self.zone, question.where)
            self._carry(self.engine.resolved(question.id, found, self.now))

    def drop(self, messages: int) -> None:
        """Lose the next so many messages of the proxy."""
        self.dropping = messages

    def told(self, kind: str = "") -> list[Event]:
        """The events of one kind so far; or all, but for `calling`, with which every call begins."""
        return [event for event in self.events if event.kind == kind or (not kind and event.kind != "calling")]

    @property
    def kinds(self) -> list[str]:
        """The kinds of those events, in order."""
        return [event.kind for event in self.told()]

    def _carry(self, sends: list[Send]) -> list[Send]:
        self.events += self.engine.events()
        self.questions += self.engine.questions()
        self.sent += sends
        self.sent_at += [self.now] * len(sends)
        for send in sends:
            if self.dropping:
                self.dropping -= 1
            elif self._arrives(send.flow):
                message = parse(send.data)
                message.check()
                self.phones[send.flow.remote].inbox.append(message)
            else:
                self.astray.append(send)
        return sends

    def _arrives(self, flow: Flow) -> bool:
        phone = self.phones.get(flow.remote)
        return phone is not None and flow.transport == phone.transport and flow.serial in (0, phone.connection)


class Phone:
    """A phone that does what it is told. The last dialog that it was part of is remembered in `dialog`.

    transport: what it speaks. connection: the number of its present one; 0 on UDP.
    """

    def __init__(
        self, lab: Network, user: str, address: tuple[str, int], contact: str = "", *, rport: bool = True,
        contact_params: str = "", domain: str = PROXY[0], transport: str = "udp",
    ) -> None:  # fmt: skip
        self.lab = lab
        self.transport = transport
        self.connection = 0 if transport == "udp" else 1
        self.user = user
        self.word = "".join(filter(str.isalnum, user))  # a user's name may hold what a tag or a branch may not
        self.address = address
        self.domain = domain
        self.aor = f"sip:{user}@{domain}"
        # A browser does not know its own address, so it makes up a name that leads nowhere (RFC 7118 §5).
        self.host = f"{self.word}.invalid" if transport in WEBSOCKETS else endpoint(*address)
        over = "" if transport == "udp" else f";transport={'ws' if transport in WEBSOCKETS else transport}"
        self.contact = contact or f"sip:{user}@{self.host}{over}"
        self.contact_params = contact_params
        self.inbox: deque[Request | Response] = deque()
        self.dialog: Dialog | None = None
        self._rport = ";rport" if rport else ""
        self._numbers = count(1)
        self._register_cseq = count(1)

    def __repr__(self) -> str:
        return f"<{self.user} at {self.address[0]}:{self.address[1]}>"

    # -- requests ----------------------------------------------------------------------------------------------------

    def send(self, data: bytes | str) -> list[Send]:
        """Put bytes on the wire."""
        return self.lab.put(data.encode() if isinstance(data, str) else data, self.address)

    def branch(self) -> str:
        """A branch that was not used yet."""
        return f"z9hG4bK-{self.word}-{self.address[1]}-{next(self._numbers)}"

    def compose(
        self, method: str, uri: str, *, to: str = "", call_id: str = "", cseq: int = 1, branch: str = "",
        headers: tuple[str, ...] = (), body: str = "", content_type: str = "application/sdp", from_: str = "",
        contact: bool = True, max_forwards: int | None = 70,
    ) -> bytes:  # fmt: skip
        """Write a request."""
        lines = [
            f"{method} {uri} SIP/2.0",
            f"Via: SIP/2.0/{self.transport.upper()} {self.host};branch={branch or self.branch()}{self._rport}",
            f"From: {from_ or f'<{self.aor}>;tag={self.word}-{next(self._numbers)}'}",
            f"To: {to or f'<{uri}>'}",
            f"Call-ID: {call_id or f'{self.word}-{next(self._numbers)}@{self.address[0]}'}",
            f"CSeq: {cseq} {method}",
        ]
        if max_forwards is not None:
            lines.append(f"Max-Forwards: {max_forwards}")
        if contact:
            lines.append(f"Contact: <{self.contact}>{self.contact_params}")
        lines += headers
        if body:
            lines.append(f"Content-Type: {content_type}")
        lines += [f"Content-Length: {len(body.encode())}", "", body]
        return "\r\n".join(lines).encode()

    def request(self, method: str, uri: str, **more: Any) -> Request:
        """Send a request outside a dialog; returns it as sent."""
        data = self.compose(method, uri, **more)
        self.send(data)
        sent = parse(data)
        assert isinstance(sent, Request)
        sent.check()
        return sent

    def register(self, expires: int | None = 3600, contacts: list[str] | None = None, **more: Any) -> Response:
        """REGISTER, and take the answer. contacts: whole Contact values instead of the phone's own."""
        values = [f"<{self.contact}>{self.contact_params}"] if contacts is None else contacts
        headers = tuple(f"Contact: {value}" for value in values)
        if expires is not None:
            headers += (f"Expires: {expires}",)
        more.setdefault("cseq", next(self._register_cseq))
        more.setdefault("call_id", f"register-{self.word}-{self.address[1]}")
        self.request(
            "REGISTER", f"sip:{self.domain}", to=f"<{self.aor}>", from_=f"<{self.aor}>;tag=r", contact=False,
            headers=(*headers, *more.pop("headers", ())), **more,
        )  # fmt: skip
        response = self.takes()
        assert isinstance(response, Response)
        return response

    def invite(self, whom: str, **more: Any) -> Request:
        """Call somebody: a user of the proxy, or a whole URI."""
        more.setdefault("body", sdp(self.address[0]))
        uri = whom if ":" in whom else f"sip:{whom}@{self.domain}"
        invite = self.request("INVITE", uri, **more)
        self.dialog = Dialog(self, invite)
        return invite

    def cancel(self, invite: Request, *headers: str) -> None:
        """CANCEL a request of mine."""
        via = invite.lines[invite.where[b"via"][0]].decode()
        lines = [
            f"CANCEL {invite.uri_text.decode()} SIP/2.0", via,
            *(invite.lines[invite.where[name][0]].decode() for name in (b"from", b"to", b"call-id")),
            f"CSeq: {invite.cseq} CANCEL", "Max-Forwards: 70", *headers, "Content-Length: 0", "", "",
        ]  # fmt: skip
        self.send("\r\n".join(lines))

    def ack_failure(self, invite: Request, response: Response) -> None:
        """ACK a final response that is no 2xx."""
        names = (b"via", b"from")
        lines = [
            f"ACK {invite.uri_text.decode()} SIP/2.0",
            *(invite.lines[invite.where[name][0]].decode() for name in names),
            response.lines[response.where[b"to"][0]].decode(), f"Call-ID: {invite.call_id.decode()}",
            f"CSeq: {invite.cseq} ACK", "Max-Forwards: 70", "Content-Length: 0", "", "",
        ]  # fmt: skip
        self.send("\r\n".join(lines))

    # -- what arrives --------------------------------------------------------------------------------------------------

    def takes(self, what: str | int | None = None) -> Any:
        """The next message of the inbox; it must be that method or status, where one is named."""
        assert self.inbox, f"{self} waits for {what}, and nothing came"
        message = self.inbox.popleft()
        got = message.method.decode() if isinstance(message, Request) else message.status
        assert what is None or got == what, f"{self} waits for {what} and got {got}"
        return message

    @property
    def waiting(self) -> list[str | int]:
        """What waits in the inbox: methods and statuses, in order."""
        return [message.method.decode() if isinstance(message, Request) else message.status for message in self.inbox]

    def reply(
        self, request: Request, status: int, phrase: str = "Fine", *, headers: tuple[str, ...] = (), body: str = "",
        content_type: str = "application/sdp", contact: bool = True,
    ) -> bytes:  # fmt: skip
        """Answer a request."""
        lines = [f"SIP/2.0 {status} {phrase}"]
        for name in (b"via", b"record-route", b"from", b"to", b"call-id", b"cseq"):
            for position in request.where.get(name, ()):
                line = request.lines[position].decode()
                if name == b"to" and status > 100 and not tag(value_of(line.encode())):
                    line += f";tag={self.word}-{self.address[1]}"
                lines.append(line)
        if contact and status < 300:
            lines.append(f"Contact: <{self.contact}>{self.contact_params}")
        lines += headers
        if body:
            lines.append(f"Content-Type: {content_type}")
        lines += [f"Content-Length: {len(body.encode())}", "", body]
        data = "\r\n".join(lines).encode()
        self.send(data)
        if request.method == b"INVITE" and status < 300 and not request.to_tag:
            self.dialog = Dialog.of_callee(self, request)
        return data

    def ring(self, request: Request) -> None:
        """180."""
        self.reply(request, 180, "Ringing")

    def answer(self, request: Request, **more: Any) -> None:
        """200 with a session description."""
        more.setdefault("body", sdp(self.address[0]))
        self.reply(request, 200, "OK", **more)


class Dialog:
    """One end of a dialog (RFC 3261 §12): tags, remote target, route set, CSeq."""

    def __init__(self, phone: Phone, invite: Request) -> None:
        self.phone = phone
        self.call_id = invite.call_id.decode()
        self.local = (invite.first(b"from") or b"").decode()
        self.remote = (invite.first(b"to") or b"").decode()
        self.target = invite.uri_text.decode()
        self.routes: list[str] = []
        self.cseq = invite.cseq

    @classmethod
    def of_callee(cls, phone: Phone, invite: Request) -> Dialog:
        """The callee's end, from the INVITE that it got."""
        dialog = cls(phone, invite)
        dialog.local, dialog.remote = f"{dialog.remote};tag={phone.word}-{phone.address[1]}", dialog.local
        dialog.target = Address(invite.values(b"contact")[0]).spec.decode()
        dialog.routes = [value.decode() for value in invite.values(b"record-route")]
        dialog.cseq = 100
        return dialog

    def confirm(self, response: Response) -> None:
        """Learn the route set and the remote target from a 2xx or a reliable 1xx."""
        self.remote = (response.first(b"to") or b"").decode()
        self.target = Address(response.values(b"contact")[0]).spec.decode()
        self.routes = [value.decode() for value in response.values(b"record-route")][::-1]

    def request(self, method: str, *, cseq: int | None = None, headers: tuple[str, ...] = (), **more: Any) -> Request:
        """Send a request inside the dialog."""
        if cseq is None:
            self.cseq += 1
            cseq = self.cseq
        routes = tuple(f"Route: {route}" for route in self.routes)
        return self.phone.request(
            method, self.target, to=self.remote, from_=self.local, call_id=self.call_id, cseq=cseq,
            headers=(*routes, *headers), **more,
        )  # fmt: skip

    def ack(self, invite: Request, **more: Any) -> Request:
        """ACK a 2xx."""
        return self.request("ACK", cseq=invite.cseq, **more)


def call(caller: Phone, callee: Phone, **more: Any) -> tuple[Request, Request]:
    """Carry a call through ringing to talking. Returns the INVITE as sent and as received."""
    sent = caller.invite(callee.user, **more)
    caller.takes(100)
    got = callee.takes("INVITE")
    callee.ring(got)
    caller.takes(180)
    callee.answer(got)
    response = caller.takes(200)
    assert caller.dialog is not None
    caller.dialog.confirm(response)
    caller.dialog.ack(sent)
    callee.takes("ACK")
    return sent, got


def hang_up(phone: Phone, other: Phone) -> None:
    """BYE and its 200."""
    assert phone.dialog is not None
    phone.dialog.request("BYE")
    other.reply(other.takes("BYE"), 200)
    phone.takes(200)
