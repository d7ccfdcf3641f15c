"""What a forwarded request and a forwarded response look like (RFC 3261 §16.6, §16.7 items 3 and 9)."""

from __future__ import annotations

from sipfullproxy.engine.config import Config
from sipfullproxy.engine.flow import LARGEST_DATAGRAM, Flow
from sipfullproxy.engine.routing import Routed, Router, Target
from sipfullproxy.engine.validation import LARGEST_MAX_BREADTH, MAX_BREADTH, MAX_FORWARDS
from sipfullproxy.sip.digest import read_credentials
from sipfullproxy.sip.errors import SipError
from sipfullproxy.sip.grammar import COMMA, split_list
from sipfullproxy.sip.headers.address import read_uri
from sipfullproxy.sip.host import written
from sipfullproxy.sip.memo import Memo
from sipfullproxy.sip.message import CRLF, Draft, Request, Response, value_of

FORMS_A_DIALOG = frozenset((b"INVITE", b"SUBSCRIBE", b"REFER", b"NOTIFY"))
"""Requests that get a Record-Route, so that all that follows passes here too (RFC 3261 §16.6 item 4, RFC 6665 §4.3)."""


_TRANSPORT = {
    "udp": b"", "tcp": b";transport=tcp", "tls": b";transport=tls", "ws": b";transport=ws", "wss": b";transport=ws",
}  # fmt: skip
"""What a URI says so that its reader takes that transport. A WebSocket has one word, with TLS and without; the port and
the flow token tell which (RFC 7118 §5.2)."""


class Forwarder:
    """Writes what goes out. Keeps nothing."""

    __slots__ = ("_phrases", "_router", "_routes", "_switches", "_users", "_vias")

    def __init__(self, router: Router, config: Config) -> None:
        self._router = router
        self._phrases = config.phrases
        self._switches = config.switches
        self._users = config.users
        doors = [(door, b"%b:%d" % (written(door[1][0]), door[1][1])) for door in config.doors]
        self._vias = {door: b"Via: SIP/2.0/%b %b;branch=" % (door[0].upper().encode(), name) for door, name in doors}
        self._routes = {door: name + _TRANSPORT[door[0]] + b";lr>" for door, name in doors}

    def request(
        self, request: Request, routed: Routed, target: Target, source: Flow, branch: bytes, breadth: int
    ) -> tuple[Draft, tuple[str, ...]]:
        """The copy of a request for one target (RFC 3261 §16.6 items 1 to 8).

        target: one to which a way leads. source: where the request came from. branch: for our Via. breadth: for
        Max-Breadth (RFC 5393 §5.3.3).
        Returns the copy and the names of its changes.
        """
        flow = target.flow
        assert flow is not None
        edits = routed.edits
        draft = Draft(request)
        if self._users is not None and _use_up(draft, request, self._users.realm):
            edits += ("login-used",)
        uri = target.uri.for_request()
        routes = routed.routes
        if target.binding is not None and target.binding.path and routed.toward is None and not routes:
            routes = split_list(target.binding.path)  # RFC 3327 §5.4: the proxies before the phone, as it registered
            edits += ("path-route",)
        if routes and not _is_loose(routes[0]):
            # §16.6 item 6: the next hop routes strictly, so it gets its own address as Request-URI.
            uri, routes = read_uri(routes[0]).for_request(), [*routes[1:], b"<" + uri + b">"]
            edits += ("strict-route",)
        if routes is not routed.routes or routed.popped:
            draft.put_all(b"route", b"Route", routes)
        if target.names:
            edits += ("dns",)
        if uri != request.uri_text:
            draft.start = b"%b %b SIP/2.0" % (request.method, uri)
            edits += ("uri-to-binding" if target.binding is not None else "uri-cleaned",)
        positions = draft.where.get(b"max-forwards")
        if positions is None:
            draft.push(b"max-forwards", b"Max-Forwards: %d" % MAX_FORWARDS)
            edits += ("max-forwards-add", "max-breadth")
        else:
            draft.lines[positions[0]] = _ONE_LESS[request.lines[positions[0]]]
            edits += ("max-forwards-down", "max-breadth")
        draft.put(b"max-breadth", b"Max-Breadth: %d" % breadth)
        if request.method in FORMS_A_DIALOG and self._switches.record_route:
            # §16.6 item 4: of what is sent, and of what was asked for, which a Contact of sip may have replaced.
            sips = b"sips" in (routed.uri.scheme, uri[:4].lower()) or (bool(routes) and b"<sips:" in routes[0].lower())
            draft.push(b"record-route", self._record_route(request, routed, target, flow, source, sips))
            edits += ("record-route",)
        if target.turn is not None and target.turn.steps:
            draft.push(b"diversion", CRLF.join(step.line for step in target.turn.steps))
            edits += ("diversion",)
        if _lacks_length(request, flow):
            draft.push(b"content-length", _length(request))
            edits += ("content-length-add",)
        draft.push_via(self._vias[flow.door] + branch)
        return draft, (*edits, "via-push")

    def response(self, response: Response, flow: Flow) -> tuple[bytes, tuple[str, ...]]:
        """A response without our Via (RFC 3261 §16.7 item 3) and with the phrase of the house. flow: where it goes."""
        lines = response.lines.copy()
        top = response.where.top
        rest = split_list(value_of(lines[top]))[1:] if COMMA in lines[top] else None
        if rest:
            lines[top] = b"Via: " + b", ".join(rest)
        else:
            del lines[top]
        edits: tuple[str, ...] = ()
        if _lacks_length(response, flow):
            lines.insert(0, _length(response))
            edits += ("content-length-add",)
        edits += ("via-pop",)
        start = response.start
        phrase = self._phrases.relayed(response.status, response.phrase)
        if phrase != response.phrase:
            start = b"SIP/2.0 %d %b" % (response.status, phrase)
            edits += ("phrase",)
        return CRLF.join((start, *lines, b"", response.body)), edits

    def with_challenges(self, best: Response, others: list[Response]) -> Response:
        """The best response with the challenges of the others added to its own (RFC 3261 §16.7 item 7), as far as they
        fit a datagram with it."""
        lines, room = best.lines.copy(), LARGEST_DATAGRAM - best.size
        for other in others:
            for name in (b"www-authenticate", b"proxy-authenticate"):
                for position in other.where.get(name, ()):
                    line = other.lines[position]
                    size = len(line) + len(CRLF)
                    if size <= room:
                        lines.append(line)
                        room -= size
        return Response(best.start, lines, best.where, best.body, best.status, best.phrase)

    def _record_route(
        self, request: Request, routed: Routed, target: Target, flow: Flow, source: Flow, sips: bool
    ) -> bytes:
        """One value where anybody can reach both phones by their Contacts, and by the same port of ours; else one for
        each side of the call, which says by which transport, and names the flow where the phone is reached by nothing
        else (RFC 5626 §5.3, RFC 5658 §5, §6)."""
        named = routed.toward is not None or (target.binding is not None and not target.binding.direct)
        hidden = self._hidden(request, source)
        ahead = self._route_of(flow, named, sips)
        if not named and not hidden and flow.door == source.door:
            return ahead
        return ahead + CRLF + self._route_of(source, hidden, sips)

    def _route_of(self, flow: Flow, named: bool, sips: bool) -> bytes:
        head, tail = b"Record-Route: <sip:", self._routes[flow.door]
        if sips and flow.secure:  # §16.6 item 4: then all within the dialog is to go by TLS too
            head, tail = b"Record-Route: <sips:", tail.replace(_TRANSPORT["tls"], b"")
        token = self._router.tokens.make(flow) + b"@" if named else b""
        return head + token + tail

    def _hidden(self, request: Request, source: Flow) -> bool:
        """Whether the sender's Contact is not where it sends from; on a stream nobody can tell. Who stands behind
        another proxy is that proxy's concern: its Record-Route comes first on the way back."""
        where = request.where
        if b"contact" not in where or b"record-route" in where:
            return False
        if source.reliable:
            return True
        said = _LISTENERS[request.lines[where[b"contact"][0]]]
        return said is not None and said != source.remote


def _listener(contact: bytes) -> tuple[str, int] | None:
    """Where the sender of a Contact line says that he listens; None where that cannot be read."""
    try:
        uri = read_uri(split_list(value_of(contact))[0])
    except SipError:
        return None
    return uri.numeric_host, uri.effective_port


_LISTENERS = Memo(_listener)


def _one_less(line: bytes) -> bytes:
    """The Max-Forwards that follows one which is a number, as `reasonable` has found, and not 0."""
    return b"Max-Forwards: %d" % (int(value_of(line)) - 1)


_ONE_LESS = Memo(_one_less)


def _lacks_length(message: Request | Response, flow: Flow) -> bool:
    """Whether it does not say how long its body is where that is how a message ends (§16.6 item 9, §18.3); in a
    datagram it need not."""
    return b"content-length" not in message.where and flow.reliable


def _length(message: Request | Response) -> bytes:
    return b"Content-Length: %d" % len(message.body)


def _use_up(draft: Draft, request: Request, realm: bytes) -> bool:
    """Take out the credentials that are for us; those for others pass (RFC 3261 §22.3). Returns whether there were
    any."""
    used = False
    for position in request.where.get(b"proxy-authorization", ()):
        credentials = read_credentials(value_of(request.lines[position]))
        if credentials is not None and credentials.realm == realm:
            draft.lines[position] = b""
            used = True
    return used


def is_for_us_alone(response: Response) -> bool:
    """Whether our Via is the only one, so that nobody is left to whom the response could go (RFC 3261 §16.7 item 3)."""
    positions = response.where[b"via"]
    if len(positions) > 1:
        return False
    top = response.lines[positions[0]]
    return COMMA not in top or len(split_list(value_of(top))) == 1


def breadth_of(request: Request) -> int:
    """How many branches a request may still have at once, here and further on (RFC 5393 §5.3.3). SipError 400."""
    if b"max-breadth" not in request.where:
        return MAX_BREADTH
    return min(request.number(b"max-breadth", LARGEST_MAX_BREADTH) or 0, MAX_BREADTH)


def _is_loose(route: bytes) -> bool:
    return b"lr" in read_uri(route).params
