"""From a ladder to SIPp: the scenario of each phone that takes part in a flow.

Each phone is strict. It sends just what the ladder says; of what it takes it checks all that RFC 3261 has a proxy change
(Via, Record-Route, Route, Max-Forwards, Request-URI), and that everything else is as it was sent.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

from tests.ladder import PROXY, Flow, Line

CALL = "callflow"
"""Behind `dialog///` in every Call-ID: what SIPp then takes for one call, so that one scenario may have many dialogs."""

FORMS_A_DIALOG = ("INVITE", "SUBSCRIBE", "REFER")
HAS_CONTACT = (*FORMS_A_DIALOG, "NOTIFY")
MAX_FORWARDS = 70
PHRASES = {
    180: "Ringing", 200: "OK", 202: "Accepted", 302: "Moved Temporarily", 480: "Temporarily Unavailable", 486: "Busy Here",
    487: "Request Terminated",
}  # fmt: skip


@dataclass(frozen=True)
class Phone:
    """A phone. tag: what its tags begin with. address: its `host:port`. proxy: that of the proxy that is its home."""

    name: str
    user: str
    tag: str
    address: str
    proxy: str
    registered: bool

    @property
    def contact(self) -> str:
        return f"sip:{self.user}@{self.address}"

    @property
    def aor(self) -> str:
        return f"sip:{self.user}@{self.proxy}"

    def path(self, other: Phone) -> list[str]:
        """The proxies between the two, from here on."""
        return [self.proxy] if self.proxy == other.proxy else [self.proxy, other.proxy]


@dataclass
class Dialog:
    """A dialog, or what may become one.

    to: the URI in To of its first request. parties: who has taken part, the opener first. cseq: the last number of each.
    routes: the route set of each, in the order in which it is sent.
    """

    name: str
    opener: Phone
    to: str
    parties: list[Phone]
    established: bool = False
    cseq: dict[Phone, int] = field(default_factory=dict)
    routes: dict[Phone, list[str]] = field(default_factory=dict)

    @property
    def call_id(self) -> str:
        return f"{self.name}///{CALL}"

    def tag(self, phone: Phone) -> str:
        return f"{phone.tag}-{self.name}"

    def replaced(self, taker: Phone) -> str:
        """How Replaces names this dialog to one of its parties (RFC 3891 §6.1)."""
        other = next(party for party in reversed(self.parties) if party != taker)
        return f"{self.call_id};to-tag={self.tag(taker)};from-tag={self.tag(other)}"


@dataclass
class Request:
    """A request. sender: None for the proxy. final: its final status, 0 while it is open."""

    method: str
    sender: Phone | None
    dialog: Dialog
    cseq: int
    uri: str
    branch: str
    from_: str
    to: str
    routes: list[str]
    line: Line
    initial: bool
    final: int = 0

    @property
    def forms_a_dialog(self) -> bool:
        return self.initial and self.method in FORMS_A_DIALOG


@dataclass
class Delivery:
    """A request at a phone that took it. vias, record_routes: variables with those lines, from the top."""

    request: Request
    receiver: Phone
    vias: list[str]
    record_routes: list[str]
    final: int = 0


class Part:
    """The scenario of one phone, step by step."""

    def __init__(self) -> None:
        self._steps: list[str] = []
        self._asked_a_call = False

    def send(self, message: list[str], body: str) -> None:
        text = "\n".join([*message, f"Content-Length: {_size(body)}", "", body])
        self._steps.append(f"  <send><![CDATA[\n{text}\n]]></send>")
        self._asked_a_call = message[0].startswith("INVITE ")

    def take(self, what: str, actions: Iterable[str]) -> None:
        """Wait for a request by its method, or for a response by its status."""
        if self._asked_a_call and what != "100":
            # The RFC does not always draw it; RFC 3261 §16.2 has the proxy send it when an answer takes long.
            self._steps.append('  <recv response="100" optional="true"/>')
        self._asked_a_call = False
        kind = "response" if what.isdigit() else "request"
        self._steps.append("\n".join([f'  <recv {kind}="{what}"><action>', *actions, "  </action></recv>"]))

    @property
    def xml(self) -> str:
        steps = "\n".join(self._steps)
        variables = sorted(set(re.findall(r'assign_to="(\w+)"', steps)))
        return (
            f'<?xml version="1.0" encoding="ISO-8859-1" ?>\n<scenario name="a part">\n{steps}\n'
            f'  <Reference variables="{",".join(variables)}"/>\n</scenario>\n'
        )


class Writer:
    """Writes the parts of all phones. arrived: the file that appears when a message that others wait for has arrived."""

    def __init__(self, flow: Flow, phones: dict[str, Phone], folder: Path) -> None:
        self.parts = {name: Part() for name in phones}
        self._phones = phones
        self._folder = folder
        self._dialogs: list[Dialog] = []
        self._requests: list[Request] = []
        self._deliveries: list[Delivery] = []
        cues = [flow.waits_for(name) for name in phones]
        self._cues = {cue.number for cue in cues if cue is not None}
        for phone in phones.values():
            if phone.registered:
                self._register(phone)
        for line in flow.ladder:
            self._write(line)

    def arrived(self, what: int | str) -> Path:
        """The file that says that a line of the ladder has arrived, by its number, or that a phone is registered."""
        return self._folder / f"arrived-{what}"

    def _register(self, phone: Phone) -> None:
        contact = f"Contact: <{phone.contact}>"
        self._write(Line(-1, phone.name, PROXY, "REGISTER", headers=[contact, "Expires: 3600"]))
        request = self._requests[-1]
        request.final = 200
        actions = [*self._response_checks(request, None, "200"), *_header(f"{contact};expires=3600")]
        self.parts[phone.name].take("200", [*actions, _touch(self.arrived(phone.name))])

    def _write(self, line: Line) -> None:
        sender, receiver = self._phones.get(line.sender), self._phones.get(line.receiver)
        actions = self._response(line, sender, receiver) if line.what.isdigit() else self._request(line, sender, receiver)
        if receiver is not None:
            if line.number in self._cues:
                actions.append(_touch(self.arrived(line.number)))
            self.parts[receiver.name].take(line.what, actions)

    # -- requests ------------------------------------------------------------------------------------------------------

    def _request(self, line: Line, sender: Phone | None, receiver: Phone | None) -> list[str]:
        """Have it sent; returns what the receiver checks."""
        if sender is None:
            assert receiver is not None
            return self._from_proxy(line, receiver)
        if line.what in ("ACK", "CANCEL"):
            request = self._about_a_call(line, sender, receiver)
        else:
            request = self._new(line, sender, receiver)
        self._requests.append(request)
        headers, body = self._rest(line)
        if line.what in HAS_CONTACT:
            headers.insert(0, f"Contact: <{sender.contact}>")
        message = [
            f"{request.method} {request.uri} SIP/2.0",
            f"Via: SIP/2.0/UDP {sender.address};branch={request.branch}",
            f"Max-Forwards: {MAX_FORWARDS}",
            *(f"Route: {route}" for route in request.routes),
            f"From: {request.from_}",
            f"To: {request.to}",
            f"Call-ID: {request.dialog.call_id}",
            f"CSeq: {request.cseq} {request.method}",
            *(header for header in headers if not header.startswith("no ")),
        ]
        self.parts[sender.name].send(message, body)
        return [] if receiver is None else self._deliver(request, line, receiver)

    def _new(self, line: Line, sender: Phone, receiver: Phone | None) -> Request:
        aor = receiver.aor if receiver is not None else sender.aor
        dialled = line.word("to")
        if dialled is not None:
            aor = f"sip:{dialled}@{(receiver or sender).proxy}"
        elif receiver is not None and line.word("contact") is not None:
            aor = receiver.contact
        dialog = self._dialog(line, sender, receiver, aor)
        if sender not in dialog.parties:
            dialog.parties.append(sender)
        initial = not dialog.established
        uri = aor if initial else (receiver or sender).contact
        if receiver is None:
            uri = f"sip:{sender.proxy}"
        routes = dialog.routes.get(sender, [])
        if receiver is not None and not routes and (not initial or receiver.proxy != sender.proxy):
            # Before there is a route set: the proxy of the caller's own choice (RFC 3261 §8.1.2).
            routes = [f"<sip:{proxy};lr>" for proxy in sender.path(receiver)[: 1 if initial else None]]
        number = dialog.cseq[sender] = dialog.cseq.get(sender, 0) + 1
        branch = f"z9hG4bK-{sender.name}-{len(self._requests)}"
        opened = sender == dialog.opener
        mine, others = (dialog.opener.aor, dialog.to) if opened else (dialog.to, dialog.opener.aor)
        from_, to = f"<{mine}>;tag={dialog.tag(sender)}", f"<{others}>"
        if not initial and receiver is not None:
            to += f";tag={dialog.tag(receiver)}"
        return Request(line.what, sender, dialog, number, uri, branch, from_, to, routes, line, initial)

    def _about_a_call(self, line: Line, sender: Phone, receiver: Phone | None) -> Request:
        """CANCEL and ACK: they name the INVITE that they are about (RFC 3261 §9.1, §17.1.1.3, §13.2.2.4)."""
        invite = next(
            request
            for request in reversed(self._requests)
            if request.method == "INVITE" and request.sender == sender and _is_about(line.what, request, receiver)
        )
        about = Request(**{**vars(invite), "method": line.what, "line": line, "initial": False, "final": 0})
        if line.what == "ACK" and receiver is not None:
            dialog = invite.dialog
            about.branch = f"z9hG4bK-{sender.name}-{len(self._requests)}"
            about.uri = receiver.contact
            about.routes = dialog.routes.get(sender, about.routes)
            about.to = invite.to if not invite.initial else f"{invite.to};tag={dialog.tag(receiver)}"
        elif line.what == "ACK":
            about.to = f"[$to{invite.line.number}]"
        return about

    def _from_proxy(self, line: Line, receiver: Phone) -> list[str]:
        """What the proxy sends by itself: a call on its way to somebody else, CANCEL, and ACK of a refusal."""
        if line.what not in ("ACK", "CANCEL"):
            request = next(old for old in reversed(self._requests) if old.method == line.what and not old.final)
            return self._deliver(request, line, receiver)
        call = next(
            old
            for old in reversed(self._deliveries)
            if old.receiver == receiver and old.request.method == "INVITE" and (line.what == "ACK") == (old.final >= 300)
        )
        invite = call.request
        to = invite.to
        if line.what == "ACK" and invite.initial:
            to += f";tag={invite.dialog.tag(receiver)}"
        request = Request(
            line.what, None, invite.dialog, invite.cseq, receiver.contact, "", invite.from_, to, [], line, False
        )
        actions = self._deliver(request, line, receiver)
        # Hop by hop: the very Via of the INVITE, so that both are one transaction (RFC 3261 §9.1, §17.1.1.3).
        return [*actions, _same(self._deliveries[-1].vias[0], call.vias[0])]

    def _deliver(self, request: Request, line: Line, receiver: Phone) -> list[str]:
        path = [receiver.proxy] if request.sender is None else request.sender.path(receiver)
        number = len(self._deliveries)
        delivery = Delivery(request, receiver, [], [])
        self._deliveries.append(delivery)
        dialog = request.dialog
        if receiver not in dialog.parties:
            dialog.parties.append(receiver)
        actions = [
            _has(f"^{request.method} {_literal(receiver.contact)} SIP/2.0[[:cntrl:]]"),
            *_header(f"From: {request.from_}", f"To: {request.to}", f"Call-ID: {dialog.call_id}"),
            *_header(f"CSeq: {request.cseq} {request.method}"),
            _has_not("[[:cntrl:]]Route:"),
        ]
        for place, proxy in enumerate(reversed(path), 1):
            delivery.vias.append(f"via{number}_{place}")
            actions.append(_keep(delivery.vias[-1], "Via:", place, f".*{_literal(proxy)};branch=z9hG4bK.*"))
        if request.sender is not None:
            delivery.vias.append(f"via{number}_{len(path) + 1}")
            own = f".*{_literal(request.sender.address)};branch={_literal(request.branch)}.*"
            actions.append(_keep(delivery.vias[-1], "Via:", len(path) + 1, own))
            actions += _header(f"Max-Forwards: {MAX_FORWARDS - len(path)}")
            actions += self._same_rest(request.line, request.method in HAS_CONTACT and request.sender)
        else:
            actions += _header(f"Max-Forwards: {MAX_FORWARDS}", "Content-Length: 0")
        actions.append(_none("Via:", len(delivery.vias) + 1))
        if line is not request.line:
            actions += _header(*self._rest(line)[0])
        if request.forms_a_dialog:
            delivery.record_routes = [f"route_{dialog.name}_{receiver.name}_{place}".replace("-", "_") for place in range(len(path))]
            dialog.routes[receiver] = [f"[${name}]" for name in delivery.record_routes]
            actions += _record_routes(delivery.record_routes, path)
        elif request.method in ("ACK", "CANCEL", "BYE", "MESSAGE"):
            actions.append(_has_not("[[:cntrl:]]Record-Route:"))
        return actions

    def _dialog(self, line: Line, sender: Phone, receiver: Phone | None, aor: str) -> Dialog:
        name = line.dialog or f"{line.sender}-{line.receiver}"
        for dialog in reversed(self._dialogs):
            if dialog.name == name or (not line.dialog and sender in dialog.parties and receiver in dialog.parties):
                break
        else:
            dialog = Dialog(name, sender, aor, [sender])
            self._dialogs.append(dialog)
        return dialog

    # -- responses -----------------------------------------------------------------------------------------------------

    def _response(self, line: Line, sender: Phone | None, receiver: Phone | None) -> list[str]:
        """Have it sent; returns what the receiver checks."""
        status = int(line.what)
        if sender is None:
            request = next(
                old for old in reversed(self._requests)
                if old.sender == receiver and not old.final and old.method in (line.method or old.method, ) and old.method != "ACK"
            )
        else:
            delivery = next(
                old for old in reversed(self._deliveries)
                if old.receiver == sender and not old.final and old.request.method in (line.method or old.request.method, )
                and old.request.method != "ACK" and receiver in (None, old.request.sender)
            )
            request = delivery.request
            delivery.final = status if status >= 200 else 0
            self._answer(line, sender, delivery)
        if receiver is not None:
            request.final = status if status >= 200 else 0
        dialog = request.dialog
        forms = request.forms_a_dialog and sender is not None and 100 < status < 300
        if forms:
            dialog.established = True
        if receiver is None:
            return []
        actions = self._response_checks(request, sender, line.what)
        if forms and sender is not None:
            dialog.parties.remove(sender)
            dialog.parties.append(sender)
            path = receiver.path(sender)
            names = [f"route_{dialog.name}_{receiver.name}_{place}".replace("-", "_") for place in range(len(path))]
            actions += _record_routes(names, path)
            dialog.routes[receiver] = [f"[${name}]" for name in reversed(names)]
        if request.method == "INVITE" and status >= 300:
            actions.append(_keep(f"to{request.line.number}", "To:", 1, ".+"))
        contact = sender if forms and not any(header.startswith("Contact:") for header in line.headers) else None
        return actions + self._same_rest(line, contact)

    def _answer(self, line: Line, sender: Phone, delivery: Delivery) -> None:
        request, dialog = delivery.request, delivery.request.dialog
        status = int(line.what)
        headers, body = self._rest(line)
        if request.forms_a_dialog and 100 < status < 300:
            headers = [*(f"Record-Route: [${name}]" for name in delivery.record_routes), f"Contact: <{sender.contact}>", *headers]
        message = [
            f"SIP/2.0 {status} {PHRASES[status]}",
            *(f"Via:[${name}]" for name in delivery.vias),
            f"From: {request.from_}",
            f"To: {request.to}" + (f";tag={dialog.tag(sender)}" if request.initial else ""),
            f"Call-ID: {dialog.call_id}",
            f"CSeq: {request.cseq} {request.method}",
            *headers,
        ]
        self.parts[sender.name].send(message, body)

    def _response_checks(self, request: Request, sender: Phone | None, status: str) -> list[str]:
        dialog = request.dialog
        assert request.sender is not None
        to = _literal(request.to)
        if request.initial and sender is not None:
            to += f";tag={dialog.tag(sender)}"
        elif ";tag=" not in to and status != "100":
            to += ";tag=[^[:cntrl:]]+"
        own = f"SIP/2.0/UDP {_literal(request.sender.address)};branch={_literal(request.branch)}(;[^,]*)?"
        return [
            _has(f"^SIP/2.0 {status} "),
            _has(f"[[:cntrl:]]Via: {own}[[:cntrl:]]"),
            _none("Via:", 2),
            _has(f"[[:cntrl:]]To: {to}[[:cntrl:]]"),
            *_header(f"From: {request.from_}", f"Call-ID: {dialog.call_id}", f"CSeq: {request.cseq} {request.method}"),
        ]

    # -- headers and bodies ----------------------------------------------------------------------------------------------

    def _rest(self, line: Line) -> tuple[list[str], str]:
        """The headers of a line, with those of its body, and the body."""
        headers = [self._filled(header, line) for header in line.headers]
        body = "".join(f"{self._filled(text, line)}\n" for text in line.body)
        direction = line.word("sdp")
        if direction is not None:
            host = self._phones[line.sender].address.partition(":")[0]
            body = "\n".join([
                "v=0", f"o={line.sender} 1 {line.number} IN IP4 {host}", "s=-", f"c=IN IP4 {host}", "t=0 0",
                "m=audio 49172 RTP/AVP 0", "a=rtpmap:0 PCMU/8000", *([f"a={direction}"] if direction else []), "",
            ])  # fmt: skip
            headers.append("Content-Type: application/sdp")
        return headers, body

    def _same_rest(self, line: Line, contact: Phone | None | bool) -> list[str]:
        """Checks that the headers and the body are as they were sent."""
        headers, body = self._rest(line)
        if isinstance(contact, Phone):
            headers.append(f"Contact: <{contact.contact}>")
        actions = _header(*headers, f"Content-Length: {_size(body)}")
        return actions + [_has(f"[[:cntrl:]]{_literal(text)}[[:cntrl:]]") for text in body.splitlines()]

    def _filled(self, text: str, line: Line) -> str:
        def fill(match: re.Match[str]) -> str:
            words = match[1].split()
            if len(words) == 3:
                dialog = next(dialog for dialog in self._dialogs if dialog.name == words[1])
                value = dialog.replaced(self._phones[words[2]])
                return quote(value, safe="") if words[0] == "escaped" else value
            name, _, what = match[1].partition(".")
            if name == PROXY:
                return self._phones[line.receiver if line.sender == PROXY else line.sender].proxy
            return str(getattr(self._phones[name], what))

        return re.sub(r"\{([^}]*)\}", fill, text)


def _is_about(method: str, invite: Request, receiver: Phone | None) -> bool:
    if method == "CANCEL":
        return not invite.final
    return invite.final >= 300 if receiver is None else 200 <= invite.final < 300 and receiver in invite.dialog.parties


# -- SIPp's actions; POSIX extended regular expressions --------------------------------------------------------------------


def _has(pattern: str) -> str:
    return f'<ereg search_in="msg" regexp={quoteattr(pattern)} check_it="true" assign_to="seen"/>'


def _has_not(pattern: str) -> str:
    return f'<ereg search_in="msg" regexp={quoteattr(pattern)} check_it_inverse="true" assign_to="seen"/>'


def _header(*lines: str) -> list[str]:
    """Each line stands in the message; or, behind "no ", no line of that name does."""
    return [
        _has_not(f"[[:cntrl:]]{line[3:]}:") if line.startswith("no ") else _has(f"[[:cntrl:]]{_literal(line)}[[:cntrl:]]")
        for line in lines
    ]


def _keep(variable: str, name: str, place: int, pattern: str) -> str:
    """Check a header by its place from the top, and keep what matches."""
    return (
        f'<ereg search_in="hdr" header="{name}" occurence="{place}" regexp={quoteattr(pattern)} check_it="true" '
        f'assign_to="{variable}"/>'
    )


def _none(name: str, place: int) -> str:
    return f'<ereg search_in="hdr" header="{name}" occurence="{place}" regexp="." check_it_inverse="true" assign_to="seen"/>'


def _same(variable: str, other: str) -> str:
    return f'<strcmp assign_to="differ" variable="{variable}" variable2="{other}" check_it="true"/>'


def _record_routes(names: list[str], path: list[str]) -> list[str]:
    """One value of each proxy, the last one's on top (RFC 3261 §16.6 item 4)."""
    return [
        _keep(name, "Record-Route:", place, f"<sip:([^@>]*@)?{_literal(proxy)};lr>")
        for place, (name, proxy) in enumerate(zip(names, reversed(path), strict=True), 1)
    ] + [_none("Record-Route:", len(names) + 1)]


def _touch(file: Path) -> str:
    return f"<exec command={quoteattr(f'touch {file}')}/>"


def _literal(text: str) -> str:
    return re.sub(r"([\\.^$|?*+(){}\[\]])", r"\\\1", text)


def _size(body: str) -> int:
    """Bytes on the wire, where SIPp ends lines with CRLF."""
    return len(body.replace("\n", "\r\n").encode())
