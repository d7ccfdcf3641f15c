"""The location service: which phones a user can be reached at (RFC 3261 §10.1, §16.5)."""

from __future__ import annotations

import heapq
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Final, TypeVar

from sipfullproxy.engine.flow import Flow
from sipfullproxy.engine.outbox import text
from sipfullproxy.engine.replica import Came, Change, Went
from sipfullproxy.sip.memo import Memo
from sipfullproxy.sip.uri import Uri, parse_uri

BINDINGS_PER_USER = 10
"""Phones of one user. A fork to more is a flood; when an eleventh registers, the one that is silent longest goes."""

BINDINGS = 1_000_000
"""Phones in all; at about 1.3 kB each the memory of a small server."""

REMEMBERED = 10_000
"""Users who are not registered any more but get "480 not here now" instead of "404 nobody of that name"."""

ENDED = 10_000
"""Bindings whose end others have told, and that do not come back by what others tell later. Of more than that nobody
hears so late."""


class Binding:
    """One phone of one user (RFC 3261 §10, "binding").

    aor: address-of-record, the user's name. domain: the one that it registered at.
    contact: its Contact as it goes back to the phone: the URI in brackets, and its parameters.
    instance: what tells this phone, and this way to it, from others (RFC 5626 §4.1, §4.2), or b"".
    flow: where it really registered from.
    q: preference, 0 to 1. since, expires: monotonic seconds of the first REGISTER, and of the end. call_id, cseq: of
    the REGISTER that was here last. path: the proxies on the way there, as values of Route (RFC 3327), or b"". name:
    what others know it by who have told us of it (see `replica`); "" where it was made here.
    said: its Contact as it came, where the same text by the same flow means the same again; else b"". asked: the
    seconds that this asks for, or None.
    number: grows with each REGISTER of any phone. key: what the URI is found by. due: when it is looked whether the
    binding has run out. These three are `Location`'s.

    A million of these may be here, so what can be read from another field has none of its own.
    """

    __slots__ = (
        "agent", "aor", "asked", "call_id", "contact", "cseq", "domain", "due", "expires", "flow", "instance", "key",
        "name", "number", "path", "q", "said", "since",
    )  # fmt: skip

    def __init__(
        self, *, aor: bytes, domain: bytes, uri: Uri, params: bytes, instance: bytes, flow: Flow, q: float,
        since: float, expires: float, call_id: bytes, cseq: int, agent: bytes, path: bytes = b"", name: str = "",
        said: bytes = b"", asked: bytes | None = None,
    ) -> None:  # fmt: skip
        contact = b"<%b>%b" % (uri.text, params)
        self.aor = aor
        self.domain = _COMMON[domain]
        self.contact = contact
        self.instance = instance
        self.flow = flow
        self.q = q
        self.since = since
        self.expires = expires
        self.call_id = call_id
        self.cseq = cseq
        self.agent = _COMMON[agent]
        self.path = path
        self.name = name
        self.said = contact if said == contact else said
        self.asked = asked
        self.number = 0
        self.key = b""
        self.due = _NEVER

    @property
    def person(self) -> str:
        """The user with his domain, for people."""
        return text(b"%b@%b" % (self.aor, self.domain))

    @property
    def spec(self) -> bytes:
        """The text of its Contact URI."""
        return self.contact[1 : self.contact.index(b">")]

    @property
    def uri(self) -> Uri:
        """Its Contact URI."""
        return parse_uri(self.spec)

    def same_phone(self, uri: Uri, instance: bytes) -> bool:
        """Whether a Contact is this binding: by instance if both have one (RFC 5626 §6), else by URI (§10.3 item 7)."""
        if instance and self.instance:
            return instance == self.instance
        return self.uri.matches(uri)

    @property
    def of_a_flow(self) -> bool:
        """Whether it is one of several ways to its phone, named by `reg-id` (RFC 5626 §4.2)."""
        return names_a_flow(self.instance)

    @property
    def device(self) -> bytes:
        """The phone itself, by whichever of its flows it has registered (RFC 5626 §4.1); b"" where it does not say."""
        return self.instance.rpartition(b" ")[0]

    @property
    def urn(self) -> bytes:
        """The name of that phone, without the brackets around it."""
        return self.device.removeprefix(b"<").removesuffix(b">")

    @property
    def direct(self) -> bool:
        """Whether the phone sends from where its Contact says, so that anybody could reach it by the Contact alone. One
        on a stream is reached over the connection that it opened; who knows whether it listens?"""
        if self.flow.reliable:
            return False
        uri = self.uri
        return (uri.numeric_host, uri.effective_port) == self.flow.remote


def names_a_flow(instance: bytes) -> bool:
    """Whether the `instance` of a binding has a reg-id."""
    return bool(instance) and not instance.endswith(b" ")


_COMMON: Final[Memo[bytes]] = Memo(bytes)
"""What thousands of phones have in common, such as a User-Agent, is in memory once."""

_NEVER: Final = -1.0
"""When nobody looks at a binding that is not here, or not any more."""


def _contact_key(uri: Uri, direct: bool) -> bytes:
    """What a Contact URI is found by, whatever parameters it carries (a conference adds some of its own). The name may
    be anything, but no host has an "@" in it, so no two have the same key."""
    return b"%d%b@%b:%d" % (direct, uri.name, uri.host, uri.effective_port)


HostKey = tuple[bytes, bytes, str]


def _host_key(binding: Binding) -> HostKey:
    """What a phone is found by that comes again by another connection."""
    uri = binding.uri
    return uri.name, uri.host, binding.flow.remote[0]


Several = dict[Binding, None]
"""A set that keeps its order: oldest first. Leaving it costs the same however many there are."""

Entry = Binding | Several
"""What an index has under a key. Nearly every binding is alone there; three sets of one took a third of its memory."""


class Location:
    """All bindings, found by user, by flow, by Contact and by age; each in a time that does not grow with the others.

    Of a binding that is in here nothing changes but what `refresh` does; else a new one is added before the old one is
    removed.

    life: begins the names of the bindings that are made here, and is no other engine's; None: they have no names, and
    nobody is told of changes. expiring: whether they run out here; else whoever shares them tells when they do.
    made: the changes that nobody has fetched yet.
    """

    __slots__ = (
        "_ages", "_by_contact", "_by_flow", "_by_host", "_by_user", "_count", "_ended", "_expiring", "_life",
        "_number", "_past", "made",
    )  # fmt: skip

    def __init__(self, life: str | None = None, *, expiring: bool = True) -> None:
        self._life = life
        self._expiring = expiring
        self.made: list[Change] = []
        self._by_user: dict[bytes, Entry] = {}
        self._by_flow: dict[Flow, Entry] = {}
        self._by_contact: dict[bytes, Entry] = {}
        self._by_host: dict[HostKey, Entry] = {}
        self._ages: list[tuple[float, int, Binding]] = []
        self._past: OrderedDict[bytes, None] = OrderedDict()
        self._ended: OrderedDict[str, None] = OrderedDict()
        self._number = 0
        self._count = 0

    def __len__(self) -> int:
        return self._count

    @property
    def version(self) -> int:
        """Grows with each binding that comes or goes."""
        came = self._number
        return came + (came - self._count)

    def of(self, aor: bytes) -> list[Binding]:
        """The phones of a user, newest first."""
        entry = self._by_user.get(aor)
        if isinstance(entry, dict):
            return [*reversed(entry)]
        return [] if entry is None else [entry]

    def reachable(self, aor: bytes) -> list[Binding]:
        """The phones of a user, newest first, each by the flow that it refreshed last (RFC 5626 §7: never by two)."""
        found: dict[object, Binding] = {}
        for phone in self.of(aor):
            found.setdefault(phone.device or phone, phone)
        return list(found.values())

    def instance(self, aor: bytes, urn: bytes, flow: Flow | None) -> Binding | None:
        """The phone of a user that has this URN (RFC 5627 §6.1), by that flow of it, else by the one that it refreshed
        last. Letters of a `urn:uuid:` count as the same in both cases (RFC 9562 §4)."""
        wanted = urn.lower()
        found = [phone for phone in self.of(aor) if phone.urn.lower() == wanted]
        return next((phone for phone in found if phone.flow == flow), found[0] if found else None)

    def all(self) -> Iterator[Binding]:
        """All phones, those of one user together. Nothing may change meanwhile."""
        return chain.from_iterable(map(_listed, self._by_user.values()))

    def known(self, aor: bytes) -> bool:
        """Whether somebody of that name is or was registered."""
        return aor in self._by_user or aor in self._past

    def has_flow(self, flow: Flow) -> bool:
        """Whether a phone registered from that flow."""
        return flow in self._by_flow

    def on(self, flow: Flow) -> list[Binding]:
        """The bindings that were registered from a flow; none for a stranger's."""
        return [*_listed(self._by_flow.get(flow))]

    def with_contact(self, uri: Uri) -> Binding | None:
        """The phone that gave this URI as its Contact; where several did, the one that really sends from there (the
        others are behind a NAT of their own, or lie), else the newest."""
        found = self._by_contact.get(_contact_key(uri, True)) or self._by_contact.get(_contact_key(uri, False))
        return next(reversed(found)) if isinstance(found, dict) else found

    def come_back(self, uri: Uri, host: str) -> Binding | None:
        """The phone that gave this URI as its Contact, but for the port, by a connection from `host`: many name the
        port of their connection, which is another one each time. None where more than one could be meant."""
        found = self._by_host.get((uri.name, uri.host, host))
        return found if isinstance(found, Binding) else None

    def add(self, binding: Binding) -> None:
        """Take in a binding that is not here yet."""
        self._enter(binding)
        if self._life is not None:
            self.made.append(self._came(binding))

    def remove(self, binding: Binding) -> None:
        """Forget a binding, but not that there was such a user."""
        self._leave(binding)
        if self._life is not None:
            self.made.append(Went(self._name(binding), binding.aor))

    def refresh(self, binding: Binding, expires: float, call_id: bytes, cseq: int) -> None:
        """A phone has registered again, and of its binding nothing is new but these. To all others it is another one,
        as ever: who is told of it may hear this before or after what came earlier."""
        name = "" if self._life is None else self._name(binding)
        self._number += 1
        binding.number = self._number
        binding.name = ""
        binding.expires = expires
        binding.call_id = call_id
        binding.cseq = cseq
        flow = binding.flow
        for entry in (self._by_user[binding.aor], self._by_flow[flow], self._by_contact[binding.key]):
            if isinstance(entry, dict):
                _renew(entry, binding)
        if flow.reliable and isinstance(entry := self._by_host[_host_key(binding)], dict):
            _renew(entry, binding)
        if expires < binding.due:
            self._watch(binding)
        if self._life is not None:
            self.made += (self._came(binding), Went(name, binding.aor))

    def tell(self, change: Change) -> None:
        """Have others told of what is no binding, if anybody is told at all."""
        if self._life is not None:
            self.made.append(change)

    def changes(self) -> list[Change]:
        """Fetch, once, what was added and removed since the last time, or is to be told."""
        changes, self.made = self.made, []
        return changes

    def restore(self, change: Came | Went) -> None:
        """Make a change that was made elsewhere, and tell nobody. What is so already stays so; and who is gone stays
        gone, because one may tell that he came, and another that he went, in whatever order.

        Raises SipError for a Contact that is no URI.
        """
        phones = _listed(self._by_user.get(change.aor))
        here = next((phone for phone in phones if self._name(phone) == change.name), None)
        if isinstance(change, Went):
            self._ended[change.name] = None
            if len(self._ended) > ENDED:
                self._ended.popitem(last=False)
            if here is not None:
                self._leave(here)
        elif here is None and change.name not in self._ended:
            self._enter(_binding(change))

    def snapshot(self) -> list[Came]:
        """All bindings, oldest first: what `restore` makes the same of."""
        return [self._came(binding) for binding in sorted(self.all(), key=lambda binding: binding.number)]

    def _name(self, binding: Binding) -> str:
        """What others know a binding by: the life of the engine where it was made, and its number there."""
        return binding.name or ("" if self._life is None else f"{self._life}-{binding.number}")

    def _came(self, binding: Binding) -> Came:
        transport, local, remote, serial, _ = binding.flow
        uri, _, params = binding.contact[1:].partition(b">")
        return Came(
            self._name(binding), binding.aor, binding.person, uri, params, binding.instance, transport, *local, *remote,
            serial, binding.q, binding.since, binding.expires, binding.call_id, binding.cseq, binding.agent,
            binding.path,
        )  # fmt: skip

    def _enter(self, binding: Binding) -> None:
        self._number += 1
        binding.number = self._number
        binding.key = _contact_key(binding.uri, binding.direct)
        _put(self._by_user, binding.aor, binding)
        _put(self._by_flow, binding.flow, binding)
        _put(self._by_contact, binding.key, binding)
        if binding.flow.reliable:
            _put(self._by_host, _host_key(binding), binding)
        self._past.pop(binding.aor, None)
        self._count += 1
        self._watch(binding)

    def _leave(self, binding: Binding) -> None:
        _take(self._by_user, binding.aor, binding)
        _take(self._by_flow, binding.flow, binding)
        _take(self._by_contact, binding.key, binding)
        if binding.flow.reliable:
            _take(self._by_host, _host_key(binding), binding)
        self._count -= 1
        binding.due = _NEVER
        if binding.aor not in self._by_user:
            self._past[binding.aor] = None
            if len(self._past) > REMEMBERED:
                self._past.popitem(last=False)

    def next_expiry(self) -> float | None:
        """When the next binding may run out (monotonic seconds); now and then a little too early."""
        return self._ages[0][0] if self._ages and self._expiring else None

    def expired(self, now: float) -> list[Binding]:
        """The bindings that have run out, in that order; those of one moment in the order of their last REGISTER. They
        are told once: the caller removes them."""
        ages = self._ages
        if not ages or ages[0][0] > now:
            return []
        found = []
        while ages and ages[0][0] <= now and self._expiring:
            at, _, binding = heapq.heappop(ages)
            if binding.due != at:
                continue  # it left, or has less time now than it had
            binding.due = _NEVER
            if binding.expires <= now:
                found.append(binding)
            else:
                self._watch(binding)
        found.sort(key=lambda binding: (binding.expires, binding.number))  # a refresh has given it a new number
        return found

    def _watch(self, binding: Binding) -> None:
        """Have it looked at when it will have run out. A refresh leaves that as it is: who is found to have more time
        by then is watched again, once for all of his refreshes."""
        binding.due = binding.expires
        heapq.heappush(self._ages, (binding.due, binding.number, binding))
        if len(self._ages) > 2 * self._count + 64:
            # Who has left, or wanted less time, stands there still; now and then that is swept out.
            self._ages[:] = [entry for entry in self._ages if entry[2].due == entry[0]]
            heapq.heapify(self._ages)


_Key = TypeVar("_Key")


def _binding(came: Came) -> Binding:
    return Binding(
        aor=came.aor, domain=came.person.rpartition("@")[2].encode(), uri=parse_uri(came.uri), params=came.params,
        instance=came.instance, flow=came.flow, q=came.q, since=came.since, expires=came.expires, call_id=came.call_id,
        cseq=came.cseq, agent=came.agent, path=came.path, name=came.name,
    )  # fmt: skip


def _listed(entry: Entry | None) -> Iterable[Binding]:
    if entry is None:
        return ()
    return entry if isinstance(entry, dict) else (entry,)


def _put(index: dict[_Key, Entry], key: _Key, binding: Binding) -> None:
    entry = index.setdefault(key, binding)
    if isinstance(entry, dict):
        entry[binding] = None
    elif entry is not binding:
        index[key] = {entry: None, binding: None}


def _renew(several: Several, binding: Binding) -> None:
    """Make it the newest of those that share a key."""
    del several[binding]
    several[binding] = None


def _take(index: dict[_Key, Entry], key: _Key, binding: Binding) -> None:
    entry = index[key]
    if not isinstance(entry, dict):
        del index[key]
        return
    del entry[binding]
    if len(entry) == 1:
        (index[key],) = entry
