"""Who is held off: he who guesses passwords, floods, or asks for what strangers do not get.

The source of a datagram is quickly made up, so it matters what proves that a sender is really there: an answer to a
nonce that was sent to that address (`nonces.py`), or a connection. Only for what is proved does a ban grow. For the
rest it is short and stays so, and nobody is banned where somebody has registered or logged in of late, or has answered
a request of ours (whose branch nobody guesses): that may be the gateway that our calls go by. Thus a forger can keep a
newcomer waiting for as long as he takes the trouble, and no longer; and a phone that is registered, never: its own flow
passes whatever its neighbours behind the same address have done.

A ban of an address is for all of its ports, and of IPv6 for the whole /64: who has one of those has them all.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final, NamedTuple

from sipfullproxy.engine.buckets import Buckets
from sipfullproxy.engine.events import Banned, Unbanned
from sipfullproxy.engine.flow import Flow
from sipfullproxy.engine.location import Location
from sipfullproxy.engine.outbox import Outbox
from sipfullproxy.engine.registrar import LONGEST_USER
from sipfullproxy.engine.replica import Guess

Network = IPv4Network | IPv6Network

FIRST: Final = 60.0
"""Seconds of a first ban: a nuisance for a person who has mistyped, and the end of a program that tries thousands."""

GROWTH: Final = 4
"""So many times as long is the next one, where the offence is proved: 1, 4, 16 minutes, 1, 4, 17 hours, a day."""

LONGEST: Final = 86_400.0
"""Seconds. Dynamic addresses have another owner by the next day."""

MEMORY: Final = 86_400.0
"""Seconds after its end for which a ban still counts, so that the next one is longer."""

TRUST: Final = 86_400.0
"""Seconds for which a login, or an answer, speaks for its address: as long as the longest registration."""

GUESSES: Final = 5
"""Wrong logins of an address until it is banned; and from then on each one is one too many …"""

GUESS_FADES: Final = 3_600.0
"""… until it is so many seconds old. That leaves a guesser 24 a day."""

NUISANCE: Final = 300.0
"""Points of what is no crime yet: a class behind one address that restarts all of its phones has half of them."""

NUISANCE_FADES: Final = 1.0
"""Points that are forgiven in a second: twelve refused requests a minute, for ever, are none of our business."""

REFUSED, ASKED, JUNK = "refused", "asked", "junk"
"""What a stranger does and is a nuisance: asks for what he does not get, for a login, or talks no SIP."""

POINTS: Final = {REFUSED: 5.0, ASKED: 1.0, JUNK: 5.0}

LOGINS, FLOOD = "logins", "flood"
"""Further reasons for a ban: wrong logins, too many messages."""

BURST: Final = 500.0
"""Messages of strangers at one address that are taken at once: a class of 100 phones that has just been switched on."""

RATE: Final = 100.0
"""… and that are taken in a second, for ever; a tenth of what one core can do. Registered phones are not counted."""

ADDRESSES: Final = 50_000
"""Addresses whose doings are remembered, of each sort, at some 250 bytes; the oldest are forgotten."""

BANS: Final = 10_000
"""Bans that are remembered. Where they are that many, none is added for what is not proved."""

TOLD: Final = 60.0
"""Bans for what is not proved that the journal hears of at once, and TOLD_FADES in a second: with made-up addresses
somebody could fill it, and the disk. The ban holds all the same."""

TOLD_FADES: Final = 0.1


class Ban(NamedTuple):
    """An address that is held off. network: as `network_of` has it. since, until: seconds. times: how many bans it has
    had by this one. why: LOGINS, REFUSED, ASKED, JUNK or FLOOD. proved: whether its owner has really done it."""

    network: str
    since: float
    until: float
    times: int
    why: str
    proved: bool


def network_of(host: str) -> str:
    """What is counted as one: an IPv4 address; of an IPv6 address its /64, as in "2001:db8::/64"."""
    return _network_of(host) if ":" in host else host


@lru_cache(maxsize=8192)
def _network_of(host: str) -> str:
    address = ip_address(host)
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    if mapped is not None:
        return str(mapped)
    return str(ip_network((int(address) >> 64 << 64, 64)))


class Bans:
    """Counts what strangers do, and says who is not listened to."""

    __slots__ = (
        "_bans", "_floods", "_guesses", "_known", "_location", "_nuisances", "_outbox", "_told", "_trusted", "_wrong",
    )  # fmt: skip

    def __init__(self, location: Location, outbox: Outbox, trusted: Iterable[Network]) -> None:
        """trusted: networks that are never held off."""
        self._location = location
        self._outbox = outbox
        self._trusted = tuple(trusted)
        self._floods = Buckets(BURST, RATE, ADDRESSES)
        self._nuisances = Buckets(NUISANCE, NUISANCE_FADES, ADDRESSES)
        # Not with what can be made up: a flood of forged addresses would drive out who has really guessed.
        self._guesses = Buckets(GUESSES, 1 / GUESS_FADES, ADDRESSES)
        self._wrong: OrderedDict[tuple[Flow, bytes], int] = OrderedDict()
        self._known: OrderedDict[str, float] = OrderedDict()
        self._told = Buckets(TOLD, TOLD_FADES, 1)
        self._bans: OrderedDict[str, Ban] = OrderedDict()

    def admits(self, flow: Flow) -> bool:
        """Whether what comes by this flow is looked at. Asked before it is read, so it must cost next to nothing."""
        if self._location.has_flow(flow):
            return True
        network = network_of(flow.remote[0])
        ban = self._bans.get(network)
        now = self._outbox.now
        if ban is not None and now < ban.until:
            return False
        if self._floods.pour(network, 1.0, now) and not self._is_trusted(network):
            self._ban(network, FLOOD, proved=flow.reliable)
            return False
        return True

    def count(self, what: str, flow: Flow) -> None:
        """A stranger has done something: one of POINTS."""
        network = network_of(flow.remote[0])
        if self._nuisances.pour(network, POINTS[what], self._outbox.now):
            self._ban(network, what, proved=flow.reliable)

    def wrong(self, flow: Flow, user: bytes) -> None:
        """Somebody has answered a nonce that was sent to his address, and not with the password of that user."""
        self._tell(flow, user[:LONGEST_USER], right=False)
        self._mistyped(flow, user[:LONGEST_USER])

    def _mistyped(self, flow: Flow, user: bytes) -> None:
        network = network_of(flow.remote[0])
        guess = flow, user
        self._wrong[guess] = self._wrong.pop(guess, 0) + 1
        if len(self._wrong) > ADDRESSES:
            self._wrong.popitem(last=False)
        if self._guesses.pour(network, 1.0, self._outbox.now):
            self._ban(network, LOGINS, proved=True)

    def right(self, flow: Flow, user: bytes) -> None:
        """That user has registered or logged in. What he mistyped by this flow is forgiven; what others guessed of his
        password is not, though they live behind the same address."""
        network = network_of(flow.remote[0])
        self._know(network)
        if self._forgive(flow, user):
            self._tell(flow, user, right=True)
        self._nuisances.empty(network)

    def hear(self, guess: Guess) -> None:
        """A neighbour on the same port has heard a login that was wrong, or a right one after wrong ones."""
        if guess.right:
            self._forgive(guess.flow, guess.aor)
        else:
            self._mistyped(guess.flow, guess.aor)

    def _forgive(self, flow: Flow, user: bytes) -> bool:
        """Returns whether there was anything to be forgiven."""
        mistyped = self._wrong.pop((flow, user), 0)
        self._guesses.take_out(network_of(flow.remote[0]), mistyped)
        return mistyped > 0

    def _tell(self, flow: Flow, user: bytes, *, right: bool) -> None:
        transport, local, remote, serial, _ = flow
        self._location.tell(Guess(user, right, transport, *local, *remote, serial))

    def met(self, flow: Flow) -> None:
        """A response to a request of ours has come from there, or a phone was registered there in a former life."""
        self._know(network_of(flow.remote[0]))

    def holds(self, flow: Flow) -> bool:
        """Whether the address of a flow is banned, though the flow itself may pass because a phone is registered."""
        ban = self._bans.get(network_of(flow.remote[0]))
        return ban is not None and self._outbox.now < ban.until

    def all(self) -> list[Ban]:
        """The bans that hold, the latest last."""
        now = self._outbox.now
        return [ban for ban in self._bans.values() if now < ban.until]

    def adopt(self, ban: Ban) -> None:
        """Hold somebody off who was banned in a former life, or by a neighbour."""
        mine = self._bans.get(ban.network)
        if (mine is None or mine.until < ban.until) and not self._is_trusted(ban.network):
            self._keep(ban)

    def lift(self, network: str) -> bool:
        """End a ban, and forget what led to it. Returns whether there was one."""
        ban = self._bans.pop(network, None)
        self._guesses.empty(network)
        self._nuisances.empty(network)
        self._floods.empty(network)
        if ban is None or self._outbox.now >= ban.until:
            return False
        self._outbox.emit(Unbanned, address=network)
        return True

    def _ban(self, network: str, why: str, *, proved: bool) -> None:
        now = self._outbox.now
        if self._is_trusted(network) or (not proved and self._is_known(network)):
            return
        before = self._bans.get(network)
        if before is not None and now < before.until:
            return
        lately = before.times if before is not None and now < before.until + MEMORY else 0
        # What others may have made up does not count when a ban grows; nor does it make one shorter later on.
        times = lately + 1 if proved else max(lately, 1)
        seconds = min(FIRST * GROWTH ** (times - 1), LONGEST) if proved else FIRST
        if self._keep(Ban(network, now, now + seconds, times, why, proved)) and (
            proved or not self._told.pour("", 1.0, now)
        ):
            self._outbox.emit(Banned, address=network, seconds=seconds, why=why, proved=proved)

    def _keep(self, ban: Ban) -> bool:
        """Remember it; False where there is no room for what is not proved."""
        bans = self._bans
        bans.pop(ban.network, None)
        while len(bans) >= BANS and (ban.proved or self._outbox.now >= bans[next(iter(bans))].until):
            bans.popitem(last=False)
        if len(bans) >= BANS:
            return False
        bans[ban.network] = ban
        return True

    def _know(self, network: str) -> None:
        """Somebody is really there, and no stranger."""
        self._known.pop(network, None)  # those of whom nothing was heard for longest come first
        self._known[network] = self._outbox.now
        if len(self._known) > ADDRESSES:
            self._known.popitem(last=False)

    def _is_known(self, network: str) -> bool:
        since = self._known.get(network)
        return since is not None and self._outbox.now < since + TRUST

    def _is_trusted(self, network: str) -> bool:
        if not self._trusted:
            return False
        sender = ip_network(network)
        return any(sender.overlaps(trusted) for trusted in self._trusted)
