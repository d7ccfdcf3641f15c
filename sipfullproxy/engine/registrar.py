"""The registrar (RFC 3261 §10.3): REGISTER requests become bindings in the location service."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import islice
from typing import NamedTuple

from sipfullproxy.engine import location
from sipfullproxy.engine.events import Registered, Unregistered
from sipfullproxy.engine.flow import Flow
from sipfullproxy.engine.location import Binding, Location, names_a_flow
from sipfullproxy.engine.outbox import Outbox, text
from sipfullproxy.sip.errors import SipError
from sipfullproxy.sip.grammar import unquote
from sipfullproxy.sip.headers.address import Address
from sipfullproxy.sip.memo import Memo
from sipfullproxy.sip.message import Request, value_of
from sipfullproxy.sip.uri import Uri

DEFAULT_EXPIRES = 3600
"""Seconds granted to a Contact that asks for no time (RFC 3261 §10.2.1.1)."""
SHORTEST_EXPIRES = 60
"""Less is refused with 423: a phone that refreshes more often than once a minute is a load and no phone."""
LONGEST_EXPIRES = 86_400
"""More is cut down: a phone that left without a word is forgotten after a day."""
LONGEST_USER = 255
"""Bytes of a user's name. Nobody has a longer one, and each is remembered for a while after its phones are gone."""
LONGEST_AGENT = 255
"""Bytes that are kept of a User-Agent."""
LONGEST_CONTACT = 2048
"""Bytes of one Contact; an iPhone's, with all that a push server wants to know, has a good thousand."""
LONGEST_PATH = 1024
"""Bytes of a Path. It is in each request to the phone again, which must fit a datagram."""

UNPROVED_LIST = 2
"""Times as many bytes of Contacts as he sends that a stranger by UDP is told. His address may be made up, and all that
a user may have registered is a hundred times what asks for it. With what is copied of his request, that is about what
QUIC sends to an address that has proved nothing: three times (RFC 9000 §8.1)."""

FLOW_TIMER = 120
"""Seconds within which a phone on a connection is asked to show that it is there (RFC 5626 §4.4.1): before home routers
forget it, and no more often than phones do by themselves."""

EXTENSIONS = frozenset((b"path", b"outbound", b"gruu"))
"""What a REGISTER may require (RFC 3261 §10.3 item 2)."""

_DIGITS = len(str(LONGEST_EXPIRES)) + 1
"""So many are read of a number of seconds: enough to see that it is too large."""
_Q = re.compile(rb"(?:0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)")


class Wish(NamedTuple):
    """What a REGISTER wants of one Contact. The fields are those of a `Binding`; expires: seconds, 0 to remove it."""

    said: bytes
    uri: Uri
    params: bytes
    instance: bytes
    q: float
    expires: int
    asked: bytes | None

    @property
    def of_a_flow(self) -> bool:
        """Whether it is for one of several ways to a phone, named by `reg-id` (RFC 5626 §4.2)."""
        return names_a_flow(self.instance)


class Phone(NamedTuple):
    """A registered phone as the world outside may see it; the words are those of its `Registered`.

    user: the name in its address-of-record; with contact and instance it says which phone this is. instance: b"" where
    the phone has none. since, until: monotonic seconds.
    """

    user: bytes
    instance: bytes
    who: str
    contact: str
    agent: str
    flow: Flow
    since: float
    until: float


class Registrar:
    """Answers REGISTER requests that are for our domain."""

    __slots__ = ("_location", "_outbox")

    def __init__(self, location: Location, outbox: Outbox) -> None:
        self._location = location
        self._outbox = outbox

    def register(
        self, request: Request, who: Uri, flow: Flow, now: float, *, proved: bool = False
    ) -> tuple[tuple[bytes, bytes], ...]:
        """Carry out a REGISTER, all of it or none of it (RFC 3261 §10.3 items 5 to 8).

        who: the URI of its To, in our domain. flow: where it really came from. now: monotonic seconds. proved: whether
        somebody is there, since he has logged in.
        Returns headers of the 200: all current bindings as Contacts, with the seconds that are left of each, and what
        the extensions want.
        Raises SipError: 400 (nonsense), 403 (too many Contacts; see `UNPROVED_LIST`), 420 (see `_path`), 423 (too
        brief), 439 (see `_reg_id`), 500 (out of order), 503 (full).
        """
        self.expire(now)
        phone = self._again(request, who, flow)
        seconds = 0 if phone is None else _lifetime(request, phone.asked)
        path = b""
        named: Sequence[Binding | Wish]
        if phone is not None and seconds:
            _in_order(phone, request)
            self._location.refresh(phone, now + seconds, request.call_id, request.cseq)
            named = (phone,)
        else:
            path = _path(request)
            named = self._carry_out(request, who, path, flow, now, proved=proved or flow.reliable)
        supported = request.values(b"supported") if b"supported" in request.where else ()
        headers = self._contacts(who, b"gruu" in supported, now)
        if path:
            headers.append((b"Path", path))
        if b"outbound" in supported and any(one.of_a_flow for one in named):
            headers.append((b"Require", b"outbound"))
            if flow.reliable:
                headers.append((b"Flow-Timer", b"%d" % FLOW_TIMER))
        return tuple(headers)

    def _again(self, request: Request, who: Uri, flow: Flow) -> Binding | None:
        """The phone that says by the same flow what it said last time, so that nothing but the time is new: what nearly
        every REGISTER does. None for any other, which has to be read."""
        lines = request.where.get(b"contact", ())
        said = value_of(request.lines[lines[0]]) if len(lines) == 1 else b""
        if not said:
            return None
        phones = self._location.of(who.name)
        for phone in phones:
            if phone.said == said and phone.flow == flow:
                break
        else:
            return None
        if phone.domain != who.host or b"path" in request.where:
            return None
        if _agent(request) != phone.agent or (phone.of_a_flow and len(request.values(b"via")) > 1):
            return None
        # Where it would take the place of another phone, too, it is none that nothing is new of.
        alone = len(phones) == 1 or self._same(who.name, phone.uri, phone.instance) == [phone]
        return phone if alone else None

    def _carry_out(
        self, request: Request, who: Uri, path: bytes, flow: Flow, now: float, *, proved: bool
    ) -> list[Wish]:  # fmt: skip
        """Do what a REGISTER wants. Returns what that is of each Contact; nothing where it only asks, or ends all."""
        aor = who.name
        if len(aor) > LONGEST_USER:
            raise SipError(400, f"A user's name has at most {LONGEST_USER} bytes")
        contacts = request.values(b"contact")
        if contacts == [b"*"]:
            self._remove_all(request, aor)
            return []
        if b"*" in contacts:
            raise SipError(400, "Contact * stands with other Contacts")
        if len(contacts) > location.BINDINGS_PER_USER:
            raise SipError(403, f"More than {location.BINDINGS_PER_USER} Contacts")
        wishes = [_wish(request, value) for value in contacts]
        if not (proved or any(wish.expires for wish in wishes) or self._location.has_flow(flow)):
            self._tell_little(request, who, now)
        self._update(request, who, wishes, path, flow, now)
        return wishes

    def _tell_little(self, request: Request, who: Uri, now: float) -> None:
        """Refuse a stranger who would be told much. Raises SipError 403, for a part of the list would say that there is
        no more."""
        listed = self._contacts(who, b"gruu" in request.values(b"supported"), now)
        if sum(len(value) for _, value in listed) > UNPROVED_LIST * request.size:
            raise SipError(403, "So much is told by UDP only to who is registered")

    def _contacts(self, who: Uri, knows_gruus: bool, now: float) -> list[tuple[bytes, bytes]]:
        """All bindings, as the 200 lists them (RFC 3261 §10.3 item 8); with their GRUUs for who knows of them (RFC 5627
        §5.2)."""
        return [
            (b"Contact", _granted(phone, now) + (public_gruu(who, phone.urn) if knows_gruus else b""))
            for phone in self._location.of(who.name)
        ]

    def expire(self, now: float) -> None:
        """Remove what has run out."""
        for binding in self._location.expired(now):
            self._remove(binding, "expired")

    def lost(self, flow: Flow) -> None:
        """A connection is gone, and with it the phones that could be reached over it. A UDP flow is never gone."""
        if flow.reliable:
            for binding in self._location.on(flow):
                self._remove(binding, "lost")

    def phones(self, limit: int, user: bytes | None) -> list[Phone]:
        """So many of all phones, or of a user's."""
        bindings = self._location.all() if user is None else self._location.of(user)
        return [_shown(binding) for binding in islice(bindings, limit)]

    @property
    def version(self) -> int:
        """Grows with each phone that comes, goes or registers again."""
        return self._location.version

    def forget(self, phone: Phone) -> bool:
        """Remove a phone, whatever it thinks of that. Returns whether it was here."""
        for binding in self._location.of(phone.user):
            if text(binding.spec) == phone.contact and binding.instance == phone.instance:
                self._remove(binding, "removed")
                return True
        return False

    def _remove_all(self, request: Request, aor: bytes) -> None:
        if _seconds(request, None) != 0:
            raise SipError(400, "Contact * needs Expires: 0")
        bindings = self._location.of(aor)
        for binding in bindings:
            _in_order(binding, request)
        for binding in bindings:
            self._remove(binding, "request")

    def _update(
        self, request: Request, who: Uri, wishes: list[Wish], path: bytes, flow: Flow, now: float
    ) -> None:  # fmt: skip
        kept = [wish for wish in wishes if wish.expires]
        if len(kept) > 1 and any(wish.of_a_flow for wish in kept):
            raise SipError(400, "One Contact at a time is registered with reg-id")
        more = 0
        for wish in wishes:
            before = self._same(who.name, wish.uri, wish.instance)
            for old in before:
                _in_order(old, request)
            if wish.expires and not before:
                more += 1
        if more and len(self._location) + more > location.BINDINGS:
            raise SipError(503, "The location service is full", (b"Retry-After", b"60"))
        # Nothing may fail from here on: either all wishes come true or none (§10.3 item 7).
        agent = _agent(request)
        # By way of other proxies a `reg-id` may count or not, though the Contact is the same.
        repeatable = not path and len(request.values(b"via")) == 1
        for wish in wishes:
            before = self._same(who.name, wish.uri, wish.instance)
            if wish.expires == 0:
                for old in before:
                    self._remove(old, "request")
                continue
            new = Binding(
                aor=who.name, domain=who.host, uri=wish.uri, params=wish.params, instance=wish.instance, flow=flow,
                q=wish.q, since=before[0].since if before else now, expires=now + wish.expires,
                call_id=request.call_id, cseq=request.cseq, agent=agent, path=path,
                said=wish.said if repeatable else b"", asked=wish.asked,
            )  # fmt: skip
            self._put(new, before, wish.expires)

    def _same(self, aor: bytes, uri: Uri, instance: bytes) -> list[Binding]:
        """The bindings that are the phone of a Contact, one as a rule. Where it names an instance (RFC 5626 §6): that
        one, and what had its Contact without any."""
        found = [phone for phone in self._location.of(aor) if phone.same_phone(uri, instance)]
        if not instance:
            return found[:1]  # others of that Contact are behind NATs of their own
        return sorted(found, key=lambda phone: not phone.instance)

    def _put(self, new: Binding, before: list[Binding], seconds: int) -> None:
        phones = self._location.of(new.aor)
        self._location.add(new)
        if before:
            self._location.remove(before[0])
            for other in before[1:]:
                self._remove(other, "replaced")
            return
        if len(phones) >= location.BINDINGS_PER_USER:
            self._remove(phones[-1], "replaced")
        self._outbox.emit(
            Registered, who=new.person, address=new.flow.address, contact=text(new.spec), agent=text(new.agent),
            expires=seconds,
        )  # fmt: skip

    def _remove(self, phone: Binding, why: str) -> None:
        self._location.remove(phone)
        self._outbox.emit(Unregistered, who=phone.person, address=phone.flow.address, contact=text(phone.spec), why=why)


def _shown(binding: Binding) -> Phone:
    return Phone(
        binding.aor, binding.instance, binding.person, text(binding.spec), text(binding.agent), binding.flow,
        binding.since, binding.expires,
    )  # fmt: skip


def uri_of(address: Address) -> Uri:
    """The URI of a To or a Contact of a REGISTER. Raises SipError 400; a 416 would blame the Request-URI."""
    try:
        return address.uri
    except SipError as error:
        raise SipError(400, error.reason) from error


_CALLERS = Memo(lambda line: uri_of(Address(value_of(line))))


def registrant(request: Request) -> Uri:
    """The URI of the To of a REGISTER, whoever that is. Raises SipError 400."""
    return _CALLERS[request.lines[request.where[b"to"][0]]]


def public_gruu(who: Uri, urn: bytes) -> bytes:
    """The parameter of a Contact that names one phone for all the world (RFC 5627 §5.4): its user's address with the
    instance, the same at each registration. b"" for a phone that does not say which one it is."""
    if not urn:
        return b""
    port = b":%d" % who.port if who.port else b""
    instance = _NO_VALUE.sub(lambda byte: b"%%%02X" % byte[0][0], urn)
    return b';pub-gruu="%b:%b@%b%b;gr=%b"' % (who.scheme, who.user or b"", who.host, port, instance)


# RFC 3261 §25.1, pvalue: param-unreserved / unreserved; the rest is escaped.
_NO_VALUE = re.compile(rb"[^A-Za-z0-9\-_.!~*'()\[\]/:&+$]")


def _granted(phone: Binding, now: float) -> bytes:
    """A binding as the 200 lists it. What it was given rounds to itself; 0 would mean gone."""
    return b"%b;expires=%d" % (phone.contact, max(phone.expires - now + 0.5, 1))


_AGENTS = Memo(lambda line: value_of(line)[:LONGEST_AGENT])


def _agent(request: Request) -> bytes:
    lines = request.where.get(b"user-agent")
    return b"" if lines is None else _AGENTS[request.lines[lines[0]]]


def _path(request: Request) -> bytes:
    """The proxies between the phone and us, each of which wants to be on the way back (RFC 3327 §5.3); b"" for none.

    Raises SipError: 400 where they are no URIs; 420 where the phone does not know of Path, so that it could not see who
    has put himself in between.
    """
    values = request.values(b"path")
    if values and b"path" not in request.values(b"supported"):
        raise SipError(420, "There is a Path, and the phone does not support it", (b"Unsupported", b"path"))
    for value in values:
        uri_of(Address(value))
    path = b", ".join(values)
    if len(path) > LONGEST_PATH:
        raise SipError(400, f"A Path has at most {LONGEST_PATH} bytes")
    return path


def _wish(request: Request, value: bytes) -> Wish:
    if len(value) > LONGEST_CONTACT:
        raise SipError(400, f"A Contact has at most {LONGEST_CONTACT} bytes")
    contact = Address(value)
    q = contact.params.get(b"q")
    if q is not None and not _Q.fullmatch(q):
        raise SipError(400, "Bad q of a Contact")
    asked = contact.params.get(b"expires")
    seconds = _lifetime(request, asked)
    uri, params, instance = uri_of(contact), _params(contact), _instance(request, contact)
    return Wish(value, uri, params, instance, float(q) if q else 1.0, seconds, asked)


def _params(contact: Address) -> bytes:
    """The parameters of a Contact as they go back to the phone: all but those that are ours to grant."""
    given = [(name, value) for name, value in contact.params.items() if name not in _OURS]
    return b"".join(b";" + name if value is None else b";%b=%b" % (name, value) for name, value in given)


_OURS = (b"expires", b"pub-gruu", b"temp-gruu")


def _instance(request: Request, contact: Address) -> bytes:
    """What tells this phone, and this way to it, from others (RFC 5626 §4.1, §4.2); b"" where it does not say."""
    instance = contact.params.get(b"+sip.instance")
    return unquote(instance) + b" " + _reg_id(request, contact) if instance else b""


def _reg_id(request: Request, contact: Address) -> bytes:
    """`reg-id`, where it counts: not behind a proxy that does not keep the flow (RFC 5626 §6). SipError 439 for a phone
    that relies on that."""
    reg_id = contact.params.get(b"reg-id") or b""
    if not reg_id or len(request.values(b"via")) == 1:
        return reg_id
    path = request.values(b"path")
    if path and b"ob" in uri_of(Address(path[0])).params:
        return reg_id
    if b"outbound" in request.values(b"supported"):
        raise SipError(439, "The proxy before us does not keep the flow")
    return b""


def _seconds(request: Request, asked: bytes | None) -> int:
    """How long a Contact may live (RFC 3261 §10.3 item 7): as it says itself, else the header, else our default."""
    if asked is not None:
        return _read_seconds(asked)
    lines = request.where.get(b"expires")
    return DEFAULT_EXPIRES if lines is None else _EXPIRES[request.lines[lines[0]]]


def _read_seconds(value: bytes) -> int:
    if not value.isdigit():
        # "Malformed values SHOULD be treated as equivalent to 3600" (§10.2.1.1, §20.10).
        return DEFAULT_EXPIRES
    return min(int(value.lstrip(b"0")[:_DIGITS] or 0), LONGEST_EXPIRES)


_EXPIRES = Memo(lambda line: _read_seconds(value_of(line)))


def _lifetime(request: Request, asked: bytes | None) -> int:
    """The same where it may live so long. Raises SipError 423 for less than `SHORTEST_EXPIRES` that is not 0."""
    seconds = _seconds(request, asked)
    if 0 < seconds < SHORTEST_EXPIRES:
        raise SipError(
            423, "Registrations of under a minute are refused", (b"Min-Expires", b"%d" % SHORTEST_EXPIRES)
        )  # fmt: skip
    return seconds


def _in_order(binding: Binding, request: Request) -> None:
    if binding.call_id == request.call_id and binding.cseq >= request.cseq:
        raise SipError(500, "REGISTER out of order: its CSeq is not above the last one's")
