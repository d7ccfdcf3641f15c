"""What the engine must be told before its first message. Everything else it learns from the wire."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sipfullproxy.engine.bans import Network
from sipfullproxy.engine.diversion import Rule
from sipfullproxy.engine.flow import Local
from sipfullproxy.sip.digest import ALGORITHMS
from sipfullproxy.sip.phrases import Phrasebook


@dataclass(slots=True, kw_only=True)
class Switches:
    """What a teacher turns off to show what it is good for. As they are here, the engine keeps to the letter.

    Looked at for each request, so they may be changed between two verbs.

    stateless: whether requests and responses are only passed on (RFC 3261 §16.11), without transactions. record_route:
    whether the proxy stays on the way of a call (§16.6 item 4). fork: whether a request goes to more than one target.
    """

    stateless: bool = False
    record_route: bool = True
    fork: bool = True


@dataclass(slots=True, kw_only=True)
class Users:
    """Who can log in. Looked at for each login, so it may be changed between two verbs.

    realm: what the passwords are for; hashed with them, so it stays the same when our address does not. hashes: by a
    user's name, and then by algorithm, the hash of his password (`sip.digest.hash_of`). algorithms: what phones are
    offered, the first that they know counts; each user has a hash by each. They are the same for all, so that nobody
    learns from them who is a user. calls: whether who calls must log in too, or only who registers.
    """

    realm: bytes
    hashes: Mapping[bytes, Mapping[bytes, bytes]] = field(repr=False)
    algorithms: tuple[bytes, ...] = ALGORITHMS
    calls: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The engine's settings; all of one meaning for every transport.

    address: (numeric host, port) that phones know us by.
    listen: all ports of ours; of those of one transport the first is what we send from by ourselves. () is UDP at
    `address` alone.
    domains: further names that are ours, beside the address itself (lower case).
    open: whether callers who are not registered may reach our users.
    users: who can log in; None: nobody is asked.
    bans: whether senders who misbehave are held off. trusted: networks that never are.
    silent: whether strangers get no answer in the place of a refusal; who may log in is still asked.
    forward: by the name of a user, where his calls go; looked at for each call, so it may change between two verbs.
    switches: what is turned off to show what it is good for.
    recurse: whether the proxy follows a phone's 3xx itself (RFC 3261 §16.7 item 4) or passes it to the caller.
    resolve: whether somebody looks names up in the DNS for us; else no way leads to them.
    phrases: the reason phrases of our responses, and of those that we relay.
    flow_key: secret (bytes) that signs flow tokens (RFC 5626 §5.2); kept across restarts, so that calls outlive one.
    worker: first letters of our branches; tells several processes on one port apart.
    followed: whether somebody fetches `Engine.changes`, to have the same bindings.
    expiring: whether bindings end here when their time is over; of several engines that share them, one sees to it.
    """

    address: tuple[str, int]
    listen: tuple[Local, ...] = ()
    domains: frozenset[str] = frozenset()
    open: bool = False
    users: Users | None = None
    bans: bool = False
    trusted: tuple[Network, ...] = ()
    silent: bool = False
    forward: Mapping[bytes, Rule] = field(default_factory=dict)
    switches: Switches = field(default_factory=Switches)
    recurse: bool = True
    resolve: bool = False
    phrases: Phrasebook = field(default_factory=Phrasebook)
    flow_key: bytes = field(repr=False)
    worker: str = "0"
    followed: bool = False
    expiring: bool = True

    @property
    def doors(self) -> tuple[Local, ...]:
        """All ports of ours, the main one too."""
        return self.listen or (("udp", self.address),)
