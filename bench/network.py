"""A network for us alone: a namespace with nothing but loopback, where the kernel counts our datagrams only."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

INSIDE = "SIP_BENCH_INSIDE"
"""Set in the environment of a benchmark that runs in its own namespace."""

SILENCE = 4.2
"""Seconds without a datagram after which nobody has anything left to repeat: T2 of RFC 3261, and a little."""
LONGEST_SILENCE = 33.0
"""Seconds after which SIP gives up in any case (64 × T1), and a little."""


class Datagrams(NamedTuple):
    """What the kernel counted. taken: by programs; sent: by programs; dropped: because a program was too slow."""

    taken: int
    sent: int
    dropped: int

    def since(self, before: Datagrams) -> Datagrams:
        return Datagrams(*(now - then for now, then in zip(self, before, strict=True)))


def isolated() -> bool:
    """Whether we are alone, so that each datagram that is counted is ours."""
    return INSIDE in os.environ


def enter() -> bool:
    """Start this very program again in our place, in a namespace of its own. Returns False where none is allowed."""
    # Without root a user namespace has to come around it; many systems allow that.
    for options in (["-n"], ["-rn"]):
        if subprocess.run(["unshare", *options, "true"], capture_output=True).returncode == 0:
            script = 'ip link set lo up && exec "$@"'
            os.environ[INSIDE] = "1"
            os.execvp("unshare", ["unshare", *options, "sh", "-c", script, "sh", *sys.orig_argv])
    return False


def datagrams() -> Datagrams:
    """UDP over IPv4 so far (RFC 4113; Linux counts what it dropped for a full buffer, too)."""
    names, values = (
        line.split()[1:] for line in Path("/proc/net/snmp").read_text().splitlines() if line.startswith("Udp:")
    )
    table = dict(zip(names, map(int, values), strict=True))
    return Datagrams(table["InDatagrams"], table["OutDatagrams"], table["RcvbufErrors"])


def opened() -> set[int]:
    """The ports of UDP over IPv4 that programs have."""
    lines = Path("/proc/net/udp").read_text().splitlines()[1:]
    return {int(line.split()[1].rpartition(":")[2], 16) for line in lines}


def quiet() -> None:
    """Wait until nobody repeats anything any more."""
    last, since, begin = datagrams().sent, time.monotonic(), time.monotonic()
    while time.monotonic() < min(since + SILENCE, begin + LONGEST_SILENCE):
        time.sleep(0.1)
        if (now := datagrams().sent) != last:
            last, since = now, time.monotonic()
