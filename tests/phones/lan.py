"""A laboratory LAN inside one Linux machine: network namespaces for hosts, a bridge for the switch between them.

    phone A ── eth0 ┐                           ┌ eth0 ── proxy
                    ├── bridge br0 (the switch) ┤
    phone B ── eth0 ┘                           └ eth0 ── home router ── eth0 ── phone C (private address)

Nothing of it is visible outside: the cables (veth pairs) are born with both of their ends inside namespaces. The
names of the namespaces carry the pid of the test run, so that the next run can sweep what a killed one has left.
"""

from __future__ import annotations

import ctypes
import os
import re
import socket
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.phones.process import Child

PREFIX = "sfp"
NETWORK = "10.77.0"
HOME = "192.168.{}"
CLONE_NEWNET = 0x40000000

# Of Ethernet, and of a network that is so small that every INVITE is too large for it; in bytes.
MTU = 1500
SMALL_MTU = 600


class LanError(Exception):
    """The laboratory cannot be built, or not as it should be. The text says which command failed and how."""


def ip(*arguments: str) -> None:
    """Run one `ip` command; what it complains about becomes the error's text."""
    _run("ip", *arguments)


def sweep() -> None:
    """Remove the namespaces of test runs that are not alive any more."""
    listing = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True).stdout
    for name, pid in re.findall(rf"^({PREFIX}(\d+)-\S+)", listing, re.MULTILINE):
        if not Path("/proc", pid).exists():
            # One that is still held somewhere stays: our own have other names.
            subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)


class Host:
    """One machine of the LAN: a namespace with one network card."""

    def __init__(self, name: str, address: str) -> None:
        self.name = name
        self.address = address
        self.outside = address  # as the others on the LAN see it
        self.gateway = ""
        self.namespace = f"{PREFIX}{os.getpid()}-{name}"
        ip("netns", "add", self.namespace)
        # Nobody here speaks IPv6, and its neighbour discovery would only blur the captures.
        self.run("sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1", "net.ipv6.conf.default.disable_ipv6=1")
        ip("-n", self.namespace, "link", "set", "lo", "up")

    def run(self, *command: str) -> None:
        """Run a short command on this host and wait for its end."""
        _run("ip", "netns", "exec", self.namespace, *command)

    def start(
        self,
        command: Sequence[str],
        cwd: Path,
        environment: Mapping[str, str] | None = None,
        log: Path | None = None,
    ) -> Child:
        """Start a program on this host."""
        return Child(["ip", "netns", "exec", self.namespace, *command], cwd, environment, log)

    def socket(self, family: int, kind: int, protocol: int = 0) -> socket.socket:
        """A socket that lives on this host, in the hands of the test: a socket stays in the namespace of its birth."""
        with self._inside():
            return socket.socket(family, kind, protocol)

    @contextmanager
    def unplugged(self) -> Iterator[None]:
        """As long as this lasts, the network cable is out: the host hears and says nothing, and nobody is told."""
        ip("-n", self.namespace, "link", "set", "eth0", "down")
        try:
            yield
        finally:
            ip("-n", self.namespace, "link", "set", "eth0", "up")
            self.leave_by(self.gateway)

    @contextmanager
    def fragmenting(self) -> Iterator[None]:
        """As long as this lasts, what is larger than SMALL_MTU leaves the host in fragments."""
        ip("-n", self.namespace, "link", "set", "eth0", "mtu", str(SMALL_MTU))
        try:
            yield
        finally:
            ip("-n", self.namespace, "link", "set", "eth0", "mtu", str(MTU))

    def leave_by(self, gateway: str) -> None:
        """Set the way out. It goes away whenever the cable does."""
        self.gateway = gateway
        ip("-n", self.namespace, "route", "add", "default", "via", gateway)

    def connect(self, card: str, address: str, switch: Host, port: str) -> None:
        """A cable from our `card`, which gets `address`/24, to a `port` on `switch`."""
        ip("-n", switch.namespace, "link", "add", port, "type", "veth", "peer", "name", card, "netns", self.namespace)
        ip("-n", switch.namespace, "link", "set", port, "up")
        ip("-n", self.namespace, "address", "add", f"{address}/24", "dev", card)
        ip("-n", self.namespace, "link", "set", card, "up")

    def remove(self) -> None:
        """Delete the namespace, and with it the cards and cables."""
        ip("netns", "delete", self.namespace)

    @contextmanager
    def _inside(self) -> Iterator[None]:
        with open(f"/proc/self/task/{threading.get_native_id()}/ns/net") as home:
            with open(f"/run/netns/{self.namespace}") as there:
                _enter(there.fileno())
            try:
                yield
            finally:
                _enter(home.fileno())


class Lan:
    """The switch, and the hosts that are plugged into it. The proxy's host is there from the start."""

    def __init__(self) -> None:
        sweep()
        self.switch = Host("switch", "")
        self._hosts: dict[str, Host] = {}
        self._numbers = iter(range(10, 250))
        # No spanning tree delay: a port forwards at once. No snooping: nothing but IPv4 unicast matters here.
        bridge = ("type", "bridge", "forward_delay", "0", "mcast_snooping", "0")
        ip("-n", self.switch.namespace, "link", "add", "br0", *bridge)
        # Promiscuous, or whoever listens on the bridge hears only what is meant for the bridge itself: nothing.
        ip("-n", self.switch.namespace, "link", "set", "br0", "up", "promisc", "on")
        self.proxy = self._plug(Host("proxy", f"{NETWORK}.1"))

    def host(self, name: str) -> Host:
        """The phone's host `name`, made when it is first asked for."""
        if name not in self._hosts:
            self._plug(Host(name, f"{NETWORK}.{next(self._numbers)}"))
        return self._hosts[name]

    def host_behind_nat(self, name: str) -> Host:
        """A host with a private address behind a home router of its own, which hides it behind the router's address."""
        if name not in self._hosts:
            number = next(self._numbers)
            home = HOME.format(number)
            router = self._plug(Host(f"{name}-router", f"{NETWORK}.{number}"))
            host = Host(name, f"{home}.2")
            host.outside = router.address
            host.connect("eth0", host.address, router, "inside")
            ip("-n", router.namespace, "address", "add", f"{home}.1/24", "dev", "inside")
            host.leave_by(f"{home}.1")
            router.run("sysctl", "-qw", "net.ipv4.ip_forward=1")
            router.run("nft", "add table ip home; add chain ip home out { type nat hook postrouting priority 100; }")
            # Random source ports, so that no test passes only because the router happened to keep 5060.
            router.run("nft", 'add rule ip home out oifname "eth0" masquerade random')
            self._hosts[name] = host
        return self._hosts[name]

    def remove(self) -> None:
        """Take the whole LAN down."""
        for host in [*self._hosts.values(), self.switch]:
            host.remove()

    def _plug(self, host: Host) -> Host:
        host.connect("eth0", host.address, self.switch, f"port{len(self._hosts)}")
        ip("-n", self.switch.namespace, "link", "set", f"port{len(self._hosts)}", "master", "br0")
        if host.name != "proxy":
            # A phone finds its own address by asking for the way out. The proxy's host forwards nothing.
            host.leave_by(self.proxy.address)
        self._hosts[host.name] = host
        return host


def _enter(namespace: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(namespace, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise LanError(f"{' '.join(command)}: {done.stdout}{done.stderr}")
