"""Where a request goes: Route headers (RFC 3261 §16.4) and the target set (§16.5)."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from ipaddress import ip_address
from typing import NamedTuple

from sipfullproxy.engine.config import Config
from sipfullproxy.engine.diversion import ALWAYS, LONGEST_CHAIN, NOT_REGISTERED, Rule, Step, Turn
from sipfullproxy.engine.flow import WEBSOCKETS, Flow
from sipfullproxy.engine.locating import SERVICES, Destination, Found
from sipfullproxy.engine.location import Binding, Location
from sipfullproxy.engine.tokens import Tokens
from sipfullproxy.sip.errors import SipError
from sipfullproxy.sip.grammar import unescape
from sipfullproxy.sip.headers.address import Address, read_uri
from sipfullproxy.sip.host import Machine, canonical, is_name, scope, single_machine, written
from sipfullproxy.sip.message import Request
from sipfullproxy.sip.uri import Uri, parse_uri

TLS_PORT = 5061
"""Where TLS is spoken unless a URI says else (RFC 3261 §19.1.2)."""

NO_WAY = "No way leads to where the calls to this user go"
"""What a caller hears who was sent on there (480)."""


@dataclass(slots=True)
class Routed:
    """A request after §16.4: what its Route headers left to decide.

    uri: Request-URI, restored where a strict router had put it elsewhere. routes: the Route values that remain.
    popped: how many Route values of ours were taken out. toward: the flow that our own token names for the way onward.
    edits: the names of what was changed.
    """

    uri: Uri
    routes: list[bytes]
    popped: int = 0
    toward: Flow | None = None
    edits: tuple[str, ...] = ()


class Way(NamedTuple):
    """A flow that a name led to. names: by which names it was found, from the first one on."""

    flow: Flow
    names: tuple[str, ...]


class Target(NamedTuple):
    """One place to send a request to.

    uri: its Request-URI there. flow: the way; None where there is none (a transport that is off), or none yet: then
    `where` is what to ask the DNS for. names: those that led there. further: the ways to try after this one. only: the
    numeric hosts where the DNS may lead; None: anywhere.
    binding: the registered phone that this is, where it is one. turn: whose turn it is, of a call that is forwarded or
    may be.
    """

    uri: Uri
    flow: Flow | None
    binding: Binding | None = None
    turn: Turn | None = None
    where: Destination | None = None
    names: tuple[str, ...] = ()
    further: tuple[Way, ...] = ()
    only: frozenset[str] | None = None

    @property
    def leads(self) -> bool:
        """Whether there is a way, or may be one when the DNS has answered."""
        return self.flow is not None or self.where is not None

    def by(self, ways: tuple[Way, ...]) -> Target:
        """The same place by the first of these ways, the others kept for later."""
        return self._replace(flow=ways[0].flow, names=ways[0].names, further=ways[1:])

    @property
    def q(self) -> float:
        """How much its owner prefers it to others (RFC 3261 §10.2.1.2): 0 to 1."""
        return self.binding.q if self.binding is not None else 1.0


class Router:
    """Knows who we are and who is registered, and from that where a request goes."""

    __slots__ = ("_doors", "_hosts", "_locals", "_location", "_ports", "_resolve", "_rules", "_spoken", "tokens")

    def __init__(self, config: Config, location: Location) -> None:
        self._doors = config.doors
        self._hosts = {written(host) for _, (host, _) in config.doors}
        self._ports = {port for _, (_, port) in config.doors}
        # What we send from, by transport and by where it is known; and by transport and IP version alone.
        self._locals: dict[tuple[str, tuple[int, str] | int], tuple[str, int]] = {}
        for transport, local in config.doors:
            machine = ip_address(local[0])
            self._locals.setdefault((transport, scope(machine)), local)
            self._locals.setdefault((transport, machine.version), local)
        spoken = dict.fromkeys((name, ip_address(host).version) for name, (host, _) in config.doors)
        self._spoken = [way for way in spoken if way[0] not in WEBSOCKETS]
        self._hosts |= {name.lower().encode() for name in config.domains}
        self._location = location
        self._rules = config.forward
        self._resolve = config.resolve
        self.tokens = Tokens(config.flow_key, config.address)

    def is_us(self, uri: Uri) -> bool:
        """Whether a URI names this very proxy, as our Record-Route does."""
        return uri.host in self._hosts and uri.effective_port in self._ports

    def in_our_domain(self, uri: Uri) -> bool:
        """Whether we answer for the users of a URI's host. `sip:u@ip` and `sip:u@ip:5060` are the same user."""
        return uri.host in self._hosts and (uri.port is None or uri.port in self._ports)

    def sender(self, request: Request) -> bytes | None:
        """The name of the user of ours that From says; None where it says no such user."""
        try:
            uri = Address(request.first(b"from") or b"").uri
        except SipError:
            return None
        return uri.name if uri.name and self.in_our_domain(uri) else None

    def unroute(self, request: Request, source: Flow) -> Routed:
        """Take our own values out of Route (RFC 3261 §16.4, RFC 5626 §5.3).

        Raises SipError: 400 for a Route that is none, 403 for a flow token that we did not make, 430 where
        its transport is off.
        """
        uri = request.uri
        if b"maddr" in uri.params:
            uri = self._without_maddr(uri)
        if b"route" not in request.where:
            return Routed(uri, [])
        routed = Routed(uri, request.values(b"route"))
        tokens: list[Flow | None] = []
        if routed.routes and b"lr" in routed.uri.params and self.is_us(routed.uri):
            # A strict router before us put our Record-Route into the Request-URI and the real one last. With a name in
            # it, it is a user of ours: we write none there.
            token = self._token(routed.uri)
            if token is not None or routed.uri.user is None:
                tokens.append(token)
                routed.uri = read_uri(routed.routes.pop())
                routed.edits += ("strict-route-restored",)
        while routed.routes:
            top = read_uri(routed.routes[0])
            if not self.is_us(top):
                break
            tokens.append(self._token(top))
            del routed.routes[0]
        if tokens:
            routed.popped = len(tokens)
            routed.edits += ("route-pop",)
            # One value for each side of the call: the last that was taken out stands for the way onward. A single one
            # stands for both ways, so it counts only for who does not come from there himself.
            if len(tokens) > 1 or tokens[0] != source:
                routed.toward = tokens[-1]
        return routed

    def targets(self, routed: Routed) -> list[Target]:
        """The target set (RFC 3261 §16.5, and the next hop of §16.6 items 6 and 7), best first.

        Raises SipError: 404 or 480 where a user of ours cannot be reached, 484 where no user is named; 480 where a sips
        URI wants TLS on every hop (§26.2.2, RFC 5630 §5.3), and no way over TLS leads there.
        """
        targets = self._targets(routed)
        if routed.uri.scheme == b"sips":
            targets = [target for target in targets if target.where or (target.flow and target.flow.secure)]
            if not targets:
                raise SipError(480, "Nobody there can be reached by TLS")
        return targets

    def _targets(self, routed: Routed) -> list[Target]:
        uri = routed.uri
        gruu = self._is_gruu(uri) and not routed.routes
        if gruu:
            phone = self._location.instance(uri.name, unescape(uri.params[b"gr"] or b""), routed.toward)
            if phone is not None:
                return [Target(_with_params(phone.uri, uri), phone.flow, phone)]
        if routed.toward is not None:
            return [self._on_flow(uri, routed.toward)]
        if routed.routes:
            return [self._toward(uri, read_uri(routed.routes[0]))]
        if not self.in_our_domain(uri):
            return [self._contact(uri)]
        if not uri.user:
            raise SipError(484, "No user in the Request-URI")
        phones = [] if gruu else self._location.reachable(uri.name)
        if uri.scheme == b"sips" and not any(phone.flow.secure for phone in phones):
            raise SipError(480, "No phone here can be reached by TLS")
        if phones:
            return [Target(phone.uri, phone.flow, phone) for phone in phones]
        if self._location.known(uri.name):
            raise SipError(480, "The user is not registered now")
        raise SipError(404, "Nobody of that name has registered here")

    def other_flow(self, target: Target, uri: Uri, tried: Container[tuple[bytes, Flow | None]]) -> Target | None:
        """The same phone by another of its flows (RFC 5626 §7), the one that it refreshed last; None where there is
        none.

        uri: what was called, since a sips URI wants TLS. tried: what was tried already, Contact and flow.
        """
        phone = target.binding
        if phone is None or not phone.device:
            return None
        others = [other for other in self._location.of(phone.aor) if other.device == phone.device]
        if uri.scheme == b"sips":
            others = [other for other in others if other.flow.secure]
        other = next((other for other in others if (other.uri.text, other.flow) not in tried), None)
        if other is None:
            return None
        named = self._is_gruu(uri) and uri.name == other.aor
        return Target(_with_params(other.uri, uri) if named else other.uri, other.flow, other, target.turn)

    def callee(self, request: Request, routed: Routed) -> list[Target]:
        """The target set of a call, from its first INVITE: as `targets`, or where its callee has his calls go.

        Not where it is meant for one phone (Replaces, RFC 3891), or was sent on all too often before it came here.
        """
        uri = routed.uri
        rule = self._rules.get(uri.name)
        if rule is None or routed.toward is not None or routed.routes or self._rule_of(uri) is None:
            return self.targets(routed)
        turn = self.turn(request, uri)._replace(rule=rule)
        if b"replaces" in request.where or turn.before >= LONGEST_CHAIN:
            return self.targets(routed)
        return self.reached(turn)

    def reached(self, turn: Turn) -> list[Target]:
        """Whom a call reaches whose turn it is there: the user's phones, or those of who gets his calls instead.

        Raises as `targets` does, and 480 where the call is sent on to where no way leads (RFC 3261 §21.4.18).
        """
        further = self.sent_on(turn, ALWAYS)
        if further is not None:
            return self.reached(further)
        try:
            targets = self.targets(Routed(turn.uri, []))
        except SipError:
            further = self.sent_on(turn, NOT_REGISTERED)
            if further is None:
                raise
            return self.reached(further)
        if turn.steps and not any(target.leads for target in targets):
            # Where that is, is the callee's own affair.
            raise SipError(480, NO_WAY)
        return [target._replace(turn=turn) for target in targets]

    def sent_on(self, turn: Turn, why: str, to: Uri | None = None) -> Turn | None:
        """The next turn, when the call is sent on for that reason: `to` where a phone says (3xx), or else where its
        user has it go. None where it goes no further."""
        to = turn.onward(why) if to is None else to
        if to is None:
            return None
        who = self._who(to)
        if not turn.may_go_to(who):
            return None
        return Turn(who, to, self._rule_of(to), (Step(turn.who, turn.uri, why), *turn.steps), turn.before)

    def turn(self, request: Request, uri: Uri) -> Turn:
        """The turn of whom a call came for, without any rule."""
        return Turn(self._who(uri), uri, before=len(request.values(b"diversion")))

    def way_to(self, uri: Uri) -> Flow | None:
        """The flow to a numeric host and port. None for names, which `named` is for; for transports that we have no
        port of; for WebSockets, since browsers listen nowhere; and where one of the two ends is known only to the
        loopback or on one link, and the other is not. On our loopback are services that trust this machine alone."""
        transport = _transport(uri) or "udp"
        port = uri.port or (TLS_PORT if transport == "tls" else uri.effective_port)
        return self._flow(transport, uri.params.get(b"maddr") or uri.host, port)

    def named(self, uri: Uri, sips: bool = False) -> Destination | None:
        """What to ask the DNS for, where a URI names its host (RFC 3263 §4). None for numbers, for our own names, and
        for transports that we have no port of.

        sips: whether it is on the way to a sips URI, so that it is asked for as if it were one (RFC 3261 §8.1.2).
        """
        host, transport = (uri.params.get(b"maddr") or uri.host).lower().rstrip(b"."), _transport(uri, sips)
        if not self._resolve or not is_name(host) or host in self._hosts:
            return None
        wanted = SERVICES.keys() if transport is None else SERVICES.keys() & {transport}
        spoken = tuple(way for way in self._spoken if way[0] in wanted)
        return Destination(host.decode("ascii", "replace"), uri.port, transport, spoken) if spoken else None

    def ways(self, found: Found, only: Container[str] | None = None) -> tuple[Way, ...]:
        """The ways that a name led to, but for those where we send nothing, whoever says so (see `way_to`).

        only: the hosts where it may lead (see `Target`).

        Raises SipError 482 where one leads back here: then the name is one of ours, and nobody has told us.
        """
        ways = []
        for hop in found.hops:
            flow = self._flow(hop.transport, written(hop.host), hop.port)
            if flow is not None:
                if flow.secure:  # the first name: what the DNS made of it, anybody could have said
                    flow = flow._replace(name=hop.names[0])
                if written(flow.remote[0]) in self._hosts and hop.port in self._ports:
                    raise SipError(482, f"{hop.names[0]} is this proxy: start it with --domain {hop.names[0]}")
                if only is None or flow.remote[0] in only:
                    ways.append(Way(flow, hop.names))
        return tuple(ways)

    def _toward(self, uri: Uri, hop: Uri) -> Target:
        """A target behind the next hop: its address, or what to ask the DNS for."""
        flow = self.way_to(hop)
        return Target(uri, flow, where=self.named(hop, uri.scheme == b"sips") if flow is None else None)

    def _flow(self, transport: str, host: bytes, port: int) -> Flow | None:
        machine = single_machine(host)
        local = None if machine is None or transport in WEBSOCKETS else self._locals.get((transport, scope(machine)))
        return None if local is None else Flow(transport, local, (str(machine), port))

    def local(self, transport: str, machine: Machine) -> tuple[str, int] | None:
        """What we send from to a machine that has sent to us, by whichever way; None where we have no port of that
        transport and IP version."""
        return self._locals.get((transport, scope(machine))) or self._locals.get((transport, machine.version))

    def over_stream(self, routed: Routed, target: Target) -> Flow | None:
        """The way to a target over TCP instead of UDP, for a request that is large (RFC 3261 §18.1.1). None where there
        is none: its URI says which transport, or a phone is there, which is reached by the way that it registered."""
        flow = target.flow
        if flow is None or flow.transport != "udp" or routed.toward is not None or self._location.has_flow(flow):
            return None
        hop = read_uri(routed.routes[0]) if routed.routes else target.uri
        local = self.local("tcp", ip_address(flow.local[0]))
        if local is None or b"transport" in hop.params:
            return None
        return Flow("tcp", local, flow.remote)

    def _on_flow(self, uri: Uri, flow: Flow) -> Target:
        """The way that a token names; or, where its phone has registered from another port of that host since (a NAT
        forgets, a connection breaks), the way that it has now."""
        if not self._location.has_flow(flow):
            phone = self._location.with_contact(uri) or self._location.come_back(uri, flow.remote[0])
            if phone is not None and phone.flow.remote[0] == flow.remote[0]:
                return Target(uri, phone.flow, phone)
        return Target(uri, flow)

    def _contact(self, uri: Uri) -> Target:
        """A Contact of a phone that is registered here goes where it really is; any other URI where it says."""
        phone = self._location.with_contact(uri)
        return self._toward(uri, uri) if phone is None else Target(uri, phone.flow, phone)

    def _rule_of(self, uri: Uri) -> Rule | None:
        """Where the calls to a user of ours go. A sips URI wants TLS on every hop; who gets the call instead may have
        none. Who calls one phone wants that one."""
        if uri.scheme != b"sip" or not self.in_our_domain(uri) or self._is_gruu(uri):
            return None
        return self._rules.get(uri.name)

    def _is_gruu(self, uri: Uri) -> bool:
        """Whether a URI means one phone of a user of ours and no other (RFC 5627 §3.1)."""
        return bool(uri.params.get(b"gr")) and self.in_our_domain(uri)

    def _who(self, uri: Uri) -> bytes:
        return uri.name if self.in_our_domain(uri) else uri.text

    def _without_maddr(self, uri: Uri) -> Uri:
        """§16.4: an `maddr` that is us says only that the request was meant to come by here."""
        maddr = uri.params.get(b"maddr")
        if maddr is None or canonical(maddr) not in self._hosts or uri.effective_port not in self._ports:
            return uri
        return parse_uri(uri.without(b"maddr", b"transport"))

    def _token(self, uri: Uri) -> Flow | None:
        if uri.user is None or (flow := self.tokens.read(uri.user)) is None:
            return None
        return flow._replace(local=self._local_of(flow, uri))

    def _local_of(self, flow: Flow, uri: Uri) -> tuple[str, int]:
        """The port of ours that a flow belongs to, whose token stands in that URI; or, where our addresses have changed
        since, the one that we reach its peer from. Raises SipError 430 where there is none any more."""
        named = uri.numeric_host, uri.effective_port
        machine = ip_address(flow.remote[0])
        if (flow.transport, named) in self._doors and ip_address(named[0]).version == machine.version:
            return named
        local = self.local(flow.transport, machine)
        if local is None:
            raise SipError(430, "The flow in Route is gone")
        return local


def _transport(uri: Uri, sips: bool = False) -> str | None:
    """The transport that a URI asks for; None where it does not say. sips: whether it counts as a sips URI, though it
    may be none."""
    param = uri.params.get(b"transport")
    transport = param.lower().decode("ascii", "replace") if param else None
    if sips or uri.scheme == b"sips":
        # `transport` says what is below it (§26.2.2, RFC 7118 §5.2.2).
        return "wss" if transport == "ws" else "tls"
    return transport


def _with_params(contact: Uri, gruu: Uri) -> Uri:
    """A phone's Contact, with what else the phone has written into its GRUU, but for what led here: Linphone tells its
    conferences apart by that (`conf-id`)."""
    more = [(name, value) for name, value in gruu.params.items() if name not in (_LEADS_HERE | contact.params.keys())]
    text = b"".join(b";" + name if value is None else b";%b=%b" % (name, value) for name, value in more)
    return parse_uri(contact.for_request() + text) if more else contact


_LEADS_HERE = frozenset((b"gr", b"transport", b"maddr", b"lr"))
