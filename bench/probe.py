"""How long a message takes through a peer: calls of our own in the midst of SIPp's, timed by the kernel.

SIPp looks at its clock when it finds the time; so it measures itself, too. Here a message's way ends when the kernel
puts it before its receiver (SO_TIMESTAMPNS), whether that one is awake or not.
"""

from __future__ import annotations

import socket
import struct
import threading
import time

from bench.peers import CALLEES, CALLERS, HOST, Running

# The probe's own pair of ports, behind those of SIPp.
OFFSET = 8
SO_TIMESTAMPNS = 35
"""Linux: the moment of arrival comes with a datagram, as seconds and nanoseconds. Python has no name for it."""
PATIENCE = 0.5
"""Seconds for one message; a later one would have been sent again by a phone (T1)."""


class Probe(threading.Thread):
    """Calls through a peer, so many a second, until `stop`.

    delays: seconds that each INVITE took from caller to callee, and its 180 back: what the peer adds to the session
    request delay (RFC 6076 §4.3.1) of a call. lost: calls of which something did not come in time.
    """

    def __init__(self, running: Running, rate: float = 50.0) -> None:
        super().__init__(name="probe", daemon=True)
        self.delays: list[float] = []
        self.lost = 0
        self._port = running.port
        self._registers = running.peer.registers
        self._over = threading.Event()
        self._pause = 1 / rate
        self._caller, self._callee = (_open(running.port + side + OFFSET) for side in (CALLERS, CALLEES))

    def run(self) -> None:
        again = f"r{time.monotonic_ns()}"  # another Call-ID, for a probe of the same peer may have been here before
        if self._registers:
            for end, user in ((self._caller, "prober"), (self._callee, "probed")):
                self._send(
                    end,
                    self._request(
                        "REGISTER",
                        f"sip:{HOST}:{self._port}",
                        user,
                        user,
                        again,
                        ("Expires: 3600",),
                    ),
                )
                self._take(end, "SIP/2.0 200")
        number = 0
        while not self._over.wait(self._pause):
            number += 1
            try:
                self.delays.append(self._call(number))
            except TimeoutError:
                self.lost += 1
        self._caller.close()
        self._callee.close()

    def stop(self) -> None:
        """End it; the call that is going on is brought to its end."""
        self._over.set()
        self.join()

    def _call(self, number: int) -> float:
        """One call, from INVITE to the end of its BYE."""
        uri = f"sip:probed@{HOST}:{self._port}"
        sent = self._send(self._caller, self._request("INVITE", uri, "prober", "probed", str(number)))
        invite, there = self._take(self._callee, "INVITE")
        ringing = self._send(self._callee, _answer(invite, "180 Ringing"))
        response, back = self._take(self._caller, "SIP/2.0 180")
        self._send(self._callee, _answer(invite, "200 OK"))
        response, _ = self._take(self._caller, "SIP/2.0 200")
        routes = tuple(
            f"Route: {line.partition(': ')[2]}" for line in response if line.lower().startswith("record-route:")
        )[::-1]
        target = next(
            line.partition("<")[2].partition(">")[0] for line in response if line.lower().startswith("contact:")
        )
        request: list[str] = []
        for method in ("ACK", "BYE"):
            self._send(self._caller, self._request(method, target, "prober", "probed", str(number), routes, ";tag=x"))
            request, _ = self._take(self._callee, method)
        self._send(self._callee, _answer(request, "200 OK"))
        self._take(self._caller, "SIP/2.0 200")
        return (there - sent) + (back - ringing)

    def _request(
        self, method: str, uri: str, who: str, whom: str, number: str, headers: tuple[str, ...] = (), tag: str = ""
    ) -> list[str]:
        side = CALLEES if who == "probed" else CALLERS
        port = self._port + side + OFFSET
        return [
            f"{method} {uri} SIP/2.0", f"Via: SIP/2.0/UDP {HOST}:{port};branch=z9hG4bK{time.monotonic_ns()};rport",
            f"From: <sip:{who}@{HOST}:{self._port}>;tag=p{number}",
            f"To: <sip:{whom}@{HOST}:{self._port}>{tag}",
            f"Call-ID: probe-{who}-{self._port}-{number}", f"CSeq: {2 if method == 'BYE' else 1} {method}",
            "Max-Forwards: 70", f"Contact: <sip:{who}@{HOST}:{port}>", *headers, "Content-Length: 0", "", "",
        ]  # fmt: skip

    def _send(self, end: socket.socket, lines: list[str]) -> float:
        """Returns when it went off, in seconds since the epoch, as the kernel counts."""
        data = "\r\n".join(lines).encode()
        now = time.time_ns()
        end.sendto(data, (HOST, self._port))
        return now / 1e9

    def _take(self, end: socket.socket, start: str) -> tuple[list[str], float]:
        """The next message that begins like that, as lines, and when it came. Raises TimeoutError."""
        while True:
            data, extra, _, _ = end.recvmsg(65_535, 64)
            if data.startswith(start.encode()):
                seconds, nanoseconds = struct.unpack("@ll", extra[0][2][:16])
                return data.decode().split("\r\n"), seconds + nanoseconds / 1e9


def _open(port: int) -> socket.socket:
    opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    opened.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    opened.settimeout(PATIENCE)
    opened.bind((HOST, port))
    return opened


def _answer(request: list[str], status: str) -> list[str]:
    """The callee's answer."""
    kept = ("via", "record-route", "from", "to", "call-id", "cseq")
    lines = [line for line in request if line.partition(":")[0].lower() in kept]
    tagged = [f"{line};tag=x" if line.lower().startswith("to:") and ";tag=" not in line else line for line in lines]
    return [f"SIP/2.0 {status}", *tagged, f"Contact: <sip:probed@{HOST}:{_own(request)}>", "Content-Length: 0", "", ""]


def _own(request: list[str]) -> str:
    """The port that the request was sent to, as its Request-URI says."""
    return request[0].split()[1].rpartition(":")[2]
