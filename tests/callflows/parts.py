"""From a ladder to SIPp: the scenario of each phone that takes part in a flow.

Each phone is strict. It sends just what the ladder says; of what it takes it checks all that RFC 3261 has a proxy
change (Via, Record-Route, Route, Max-Forwards, Request-URI), and that everything else is as it was sent.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import quote

from tests.callflows.flow import PROXY, Flow, Line
from tests.callflows.scenario import Scenario, at_most, has, keep, lines, literal, same, size, touch

CALL = "callflow"
"""Behind `dialog///` in every Call-ID: SIPp takes that for one call, so that one scenario may have many dialogs."""

FORMS_A_DIALOG = ("INVITE", "SUBSCRIBE", "REFER")
HAS_CONTACT = (*FORMS_A_DIALOG, "NOTIFY")
BY_ITSELF = ("ACK", "CANCEL")
MAX_FORWARDS = 70
PHRASES = {
    180: "Ringing", 200: "OK", 202: "Accepted", 302: "Moved Temporarily", 480: "Temporarily Unavailable",
    486: "Busy Here", 487: "Request Terminated",
}  # fmt: skip


@dataclass(frozen=True)
class Phone:
    """A phone. tag: what its tags begin with. address: its `host:port`. proxy: that of the proxy that is its home.
    registered, q: whether it is, and with which q."""

    name: str
    user: str
    tag: str
    address: str
    proxy: str
    registered: bool
    q: str | None

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

    to: the URI in To of its first request. parties: who has taken part, the one who answered last. cseq: the last
    number of each. routes: the route set of each, in the order in which it is sent.
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
        return f";tag={phone.tag}-{self.name}"

    def sides(self, phone: Phone) -> tuple[str, str]:
        """From and To, as a party sends them: without tags."""
        opener, to = f"<{self.opener.aor}>", f"<{self.to}>"
        return (opener, to) if phone == self.opener else (to, opener)

    def route_variables(self, phone: Phone, path: list[str]) -> list[str]:
        """The variables of a phone with the Record-Route values of the proxies on a path, from the top."""
        return [f"route_{self.name}_{place}".replace("-", "_") for place in range(1, len(path) + 1)]

    def replaced(self, taker: Phone) -> str:
        """How Replaces names this dialog to one of its parties (RFC 3891 §6.1)."""
        other = next(party for party in reversed(self.parties) if party != taker)
        to, from_ = (self.tag(party).removeprefix(";tag=") for party in (taker, other))
        return f"{self.call_id};to-tag={to};from-tag={from_}"


@dataclass
class Request:
    """A request. sender: None for the proxy. initial: whether it is the first of its dialog, so without a tag in To.
    final: its final status, 0 while it is open."""

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

    def to_of(self, phone: Phone) -> str:
        """To, as it stands in a response of that phone."""
        return self.to + self.dialog.tag(phone) if self.initial else self.to


@dataclass
class Delivery:
    """A request at a phone that took it. vias: the variables with its Via lines, from the top. path: the proxies that
    it came by. final: what the phone has answered, 0 so far."""

    request: Request
    receiver: Phone
    vias: list[str]
    path: list[str]
    final: int = 0


class Writer:
    """Writes the scenarios of all phones of a flow. folder: where they tell of what has arrived."""

    def __init__(self, flow: Flow, phones: dict[str, Phone], folder: Path) -> None:
        self.scenarios = {name: Scenario() for name in phones}
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
        contact = f"Contact: <{phone.contact}>" + (f";q={phone.q}" if phone.q else "")
        self._request(Line(-1, phone.name, PROXY, "REGISTER", headers=[contact, "Expires: 3600"]), phone, None)
        answer = Line(-1, PROXY, phone.name, "200", headers=[f"{contact};expires=3600"])
        self.scenarios[phone.name].take("200", [*self._response(answer, None, phone), touch(self.arrived(phone.name))])

    def _write(self, line: Line) -> None:
        sender, receiver = self._phones.get(line.sender), self._phones.get(line.receiver)
        checks = self._response(line, sender, receiver) if line.status else self._request(line, sender, receiver)
        if receiver is not None:
            told = [touch(self.arrived(line.number))] if line.number in self._cues else []
            self.scenarios[receiver.name].take(line.what, checks + told)

    # -- requests ------------------------------------------------------------------------------------------------------

    def _request(self, line: Line, sender: Phone | None, receiver: Phone | None) -> list[str]:
        """Have it sent; returns what the receiver checks."""
        if sender is None:
            assert receiver is not None
            return self._of_proxy(line, receiver)
        if line.what in BY_ITSELF:
            request = self._about_a_call(line, sender, receiver)
        else:
            request = self._new(line, sender, receiver)
        self._requests.append(request)
        contact = sender if line.what in HAS_CONTACT else None
        headers, body = self._rest(line, contact)
        message = [
            f"{request.method} {request.uri} SIP/2.0",
            f"Via: SIP/2.0/UDP {sender.address};branch={request.branch}",
            f"Max-Forwards: {MAX_FORWARDS}",
            *(f"Route: {route}" for route in request.routes),
            f"From: {request.from_}",
            f"To: {request.to}",
            f"Call-ID: {request.dialog.call_id}",
            f"CSeq: {request.cseq} {request.method}",
            *headers,
        ]
        self.scenarios[sender.name].send(message, body)
        if receiver is None:
            return []
        return self._deliver(request, receiver, sender.path(receiver)) + _same(headers, body)

    def _new(self, line: Line, sender: Phone, receiver: Phone | None) -> Request:
        dialled = line.word("to")
        if dialled is not None:
            aor = f"sip:{dialled}@{(receiver or sender).proxy}"
        elif receiver is None:
            aor = sender.aor
        else:
            aor = receiver.contact if line.word("contact") is not None else receiver.aor
        dialog = self._dialog(line, sender, receiver, aor)
        dialog.cseq[sender] = dialog.cseq.get(sender, 0) + 1
        from_, to = dialog.sides(sender)
        routes = dialog.routes.get(sender, [])
        if receiver is None:
            uri = f"sip:{sender.proxy}" if dialled is None else aor
        elif dialog.established:
            uri, to = receiver.contact, to + dialog.tag(receiver)
            # A phone that goes on with the dialog of another knows what that one had learnt.
            routes = routes or [f"<sip:{proxy};lr>" for proxy in sender.path(receiver)]
        else:
            uri = aor
            if receiver.proxy != sender.proxy:
                # The caller's own choice, as in all flows of RFC 3665 that have two proxies.
                routes = [f"<sip:{sender.proxy};lr>"]
        return Request(
            line.what, sender, dialog, dialog.cseq[sender], uri, self._branch(sender), from_ + dialog.tag(sender), to,
            routes, line, initial=not dialog.established,
        )  # fmt: skip

    def _about_a_call(self, line: Line, sender: Phone, receiver: Phone | None) -> Request:
        """CANCEL and ACK, which take much from their INVITE (RFC 3261 §9.1, §17.1.1.3, §13.2.2.4)."""

        def meant(invite: Request) -> bool:
            if invite.method != "INVITE" or invite.sender != sender:
                return False
            if line.what == "CANCEL":
                return not invite.final
            if receiver is None:
                return invite.final >= 300
            return 200 <= invite.final < 300 and receiver in invite.dialog.parties

        invite = next(request for request in reversed(self._requests) if meant(request))
        about = replace(invite, method=line.what, line=line, final=0, initial=False)
        if line.what == "ACK" and receiver is None:
            about.to = f"[${_to_variable(invite)}]"
        elif receiver is not None:
            about.branch = self._branch(sender)
            about.uri = receiver.contact
            about.to = invite.to_of(receiver)
            about.routes = invite.dialog.routes.get(sender, invite.routes)
        return about

    def _of_proxy(self, line: Line, receiver: Phone) -> list[str]:
        """What a phone checks of a call that the proxy sends on to it, and of the proxy's own CANCEL and ACK."""
        if line.what not in BY_ITSELF:
            request = next(old for old in reversed(self._requests) if old.method == line.what and not old.final)
            assert request.sender is not None
            checks = self._deliver(request, receiver, request.sender.path(receiver))
            return [*checks, *_same(*self._rest(request.line, request.sender)), *lines(*self._rest(line, None)[0])]
        invite = next(
            old
            for old in reversed(self._deliveries)
            if old.receiver == receiver
            and old.request.method == "INVITE"
            and (line.what == "ACK") == (old.final >= 300)
        )
        request = replace(invite.request, method=line.what, sender=None, line=line, final=0, initial=False)
        if line.what == "ACK":
            request.to = invite.request.to_of(receiver)
        checks = self._deliver(request, receiver, [receiver.proxy])
        # Hop by hop: with the very Via of the INVITE, so that it can be matched (RFC 3261 §9.1, §17.1.1.3).
        return [*checks, *_same([], ""), same(self._deliveries[-1].vias[0], invite.vias[0])]

    def _deliver(self, request: Request, receiver: Phone, path: list[str]) -> list[str]:
        """What a phone checks of a request that came by these proxies, but for the headers that no proxy touches."""
        dialog = request.dialog
        if receiver not in dialog.parties:
            dialog.parties.append(receiver)
        hops = [f"{literal(proxy)};branch=z9hG4bK" for proxy in reversed(path)]
        if request.sender is not None:
            hops.append(f"{literal(request.sender.address)};branch={literal(request.branch)}")
        number = len(self._deliveries)
        delivery = Delivery(request, receiver, [f"via{number}_{place}" for place in range(1, len(hops) + 1)], path)
        self._deliveries.append(delivery)
        checks = [
            has(f"^{request.method} {literal(receiver.contact)} SIP/2.0[[:cntrl:]]"),
            *lines(f"From: {request.from_}", f"To: {request.to}", f"Call-ID: {dialog.call_id}"),
            *lines(f"CSeq: {request.cseq} {request.method}", "no Route"),
            *lines(f"Max-Forwards: {MAX_FORWARDS - len(hops) + 1}"),
            *(keep(variable, "Via", place, f".*{hop}.*")
              for place, (variable, hop) in enumerate(zip(delivery.vias, hops, strict=True), 1)),
            at_most("Via", len(hops)),
        ]  # fmt: skip
        if request.forms_a_dialog:
            names = dialog.route_variables(receiver, path)
            dialog.routes[receiver] = [f"[${name}]" for name in names]
            checks += _record_routes(names, path)
        elif request.method not in HAS_CONTACT:
            checks.append(at_most("Record-Route", 0))
        return checks

    def _dialog(self, line: Line, sender: Phone, receiver: Phone | None, aor: str) -> Dialog:
        name = line.dialog or f"{line.sender}-{'registrar' if line.what == 'REGISTER' else line.receiver}"
        for dialog in reversed(self._dialogs):
            if dialog.name == name or (not line.dialog and sender in dialog.parties and receiver in dialog.parties):
                break
        else:
            dialog = Dialog(name, sender, aor, [sender])
            self._dialogs.append(dialog)
        if sender not in dialog.parties:
            dialog.parties.append(sender)
        return dialog

    def _branch(self, sender: Phone) -> str:
        return f"z9hG4bK-{sender.name}-{len(self._requests)}"

    # -- responses -----------------------------------------------------------------------------------------------------

    def _response(self, line: Line, sender: Phone | None, receiver: Phone | None) -> list[str]:
        """Have it sent; returns what the receiver checks."""
        status = line.status
        if sender is None:
            delivery = None
            request = next(old for old in reversed(self._requests) if old.sender == receiver and _open(old, line))
        else:
            delivery = next(
                old
                for old in reversed(self._deliveries)
                if old.receiver == sender and not old.final and _open(old.request, line)
                and receiver in (None, old.request.sender)
            )  # fmt: skip
            request = delivery.request
            self._answer(line, delivery)
            delivery.final = status if status >= 200 else 0
        if receiver is None:
            return []
        request.final = status if status >= 200 else 0
        dialog = request.dialog
        to = literal(request.to if sender is None else request.to_of(sender))
        if ";tag=" not in to and status != 100:
            to += ";tag=[^[:cntrl:]]+"
        via = f"SIP/2.0/UDP {literal(receiver.address)};branch={literal(request.branch)}(;[^,]*)?"
        checks = [
            has(f"^SIP/2.0 {status} "),
            has(f"[[:cntrl:]]Via: {via}[[:cntrl:]]"),
            at_most("Via", 1),
            has(f"[[:cntrl:]]To: {to}[[:cntrl:]]"),
            *lines(f"From: {request.from_}", f"Call-ID: {dialog.call_id}", f"CSeq: {request.cseq} {request.method}"),
        ]
        if request.method == "INVITE" and status >= 300:
            checks.append(keep(_to_variable(request), "To", 1, ".+"))
        if sender is None or not _opens_a_dialog(request, status):
            return checks + _same(*self._rest(line, None))
        dialog.established = True
        dialog.parties.remove(sender)
        dialog.parties.append(sender)
        path = receiver.path(sender)
        names = dialog.route_variables(receiver, path)
        dialog.routes[receiver] = [f"[${name}]" for name in reversed(names)]
        return checks + _record_routes(names, path) + _same(*self._rest(line, sender))

    def _answer(self, line: Line, delivery: Delivery) -> None:
        request, sender = delivery.request, delivery.receiver
        opens = _opens_a_dialog(request, line.status)
        headers, body = self._rest(line, sender if opens else None)
        names = request.dialog.route_variables(sender, delivery.path) if opens else []
        message = [
            f"SIP/2.0 {line.status} {PHRASES[line.status]}",
            *(f"Via:[${name}]" for name in delivery.vias),
            *(f"Record-Route: [${name}]" for name in names),
            f"From: {request.from_}",
            f"To: {request.to_of(sender)}",
            f"Call-ID: {request.dialog.call_id}",
            f"CSeq: {request.cseq} {request.method}",
            *headers,
        ]
        self.scenarios[sender.name].send(message, body)

    # -- headers and bodies --------------------------------------------------------------------------------------------

    def _rest(self, line: Line, contact: Phone | None) -> tuple[list[str], str]:
        """The headers of a line and of its body, and the body. contact: whose Contact is added if the line has none."""
        headers = [self._filled(header, line) for header in line.headers]
        if contact is not None and not any(header.startswith("Contact:") for header in headers):
            headers.append(f"Contact: <{contact.contact}>")
        body = [self._filled(text, line) for text in line.body]
        direction = line.word("sdp")
        if direction is not None:
            host = self._phones[line.sender].address.partition(":")[0]
            headers.append("Content-Type: application/sdp")
            body = [
                "v=0", f"o={line.sender} 1 {line.number} IN IP4 {host}", "s=-", f"c=IN IP4 {host}", "t=0 0",
                "m=audio 49172 RTP/AVP 0", "a=rtpmap:0 PCMU/8000", *([f"a={direction}"] if direction else []),
            ]  # fmt: skip
        return headers, "".join(f"{text}\n" for text in body)

    def _filled(self, text: str, line: Line) -> str:
        """With values in the place of `{…}`; see tests/callflows/flow.py."""

        def value(match: re.Match[str]) -> str:
            words = match[1].split()
            if len(words) == 3:
                replaced = next(dialog for dialog in self._dialogs if dialog.name == words[1])
                known = replaced.replaced(self._phones[words[2]])
                return quote(known, safe="") if words[0] == "escaped" else known
            name, _, what = match[1].partition(".")
            if name == PROXY:
                return self._phones[line.receiver if line.sender == PROXY else line.sender].proxy
            return self._phones[name].contact if what == "contact" else self._phones[name].aor

        return re.sub(r"\{([^}]*)\}", value, text)


def _open(request: Request, line: Line) -> bool:
    """Whether a response may be one to this request."""
    return not request.final and request.method != "ACK" and line.method in (None, request.method)


def _opens_a_dialog(request: Request, status: int) -> bool:
    return request.forms_a_dialog and 100 < status < 300


def _to_variable(invite: Request) -> str:
    return f"to{invite.line.number}"


def _same(headers: list[str], body: str) -> list[str]:
    """Checks that the headers and the body are as they were sent."""
    return lines(*headers, f"Content-Length: {size(body)}", *body.splitlines())


def _record_routes(names: list[str], path: list[str]) -> list[str]:
    """Checks of one value for each proxy, the last one's on top (RFC 3261 §16.6 item 4)."""
    return [
        *(keep(name, "Record-Route", place, f"<sip:([^@>]*@)?{literal(proxy)};lr>")
          for place, (name, proxy) in enumerate(zip(names, reversed(path), strict=True), 1)),
        at_most("Record-Route", len(names)),
    ]  # fmt: skip
