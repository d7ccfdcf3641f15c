"""Via: the way that the response goes back (RFC 3261 §20.42, §18.2; RFC 3581)."""

from __future__ import annotations

import re
from ipaddress import ip_address

from sipfullproxy.sip.errors import SipError
from sipfullproxy.sip.grammar import HOST, PARAMETER_LIMIT, SEMICOLON, SPACE, TAB, TOKEN, WS, parameters, whole_number
from sipfullproxy.sip.host import canonical, single_machine
from sipfullproxy.sip.memo import Memo

MAGIC = b"z9hG4bK"
"""Branches that begin so are unique by themselves (RFC 3261 §8.1.1.7); others come from RFC 2543 elements."""

# via-parm          = sent-protocol LWS sent-by *( SEMI via-params )
# sent-protocol     = protocol-name SLASH protocol-version SLASH transport
_VIA = re.compile(
    rb"[Ss][Ii][Pp]" + WS + rb"/" + WS + rb"2\.0" + WS + rb"/" + WS + rb"(" + TOKEN + rb")[ \t]+"
    rb"(" + HOST + rb")" + WS + rb"(?::" + WS + rb"([0-9]{1,5})" + WS + rb")?"
    rb"((?:;.*)?)",
    re.DOTALL,
)
# What stands before the branch, as nearly all phones write it, and as we do.
_USUAL_SENDER = re.compile(rb"SIP/2\.0/([A-Z][A-Z]*+) (" + HOST + rb")(?::([0-9]{1,5}))?(;rport)?")
# RFC 3581 §4: response-port = "rport" [EQUAL 1*DIGIT]
_RPORT = re.compile(
    rb"(;" + WS + rb"rport)(?![A-Za-z0-9\-.!%*_+`'~])(?:" + WS + rb"=" + WS + rb"[^;\s]*)?", re.IGNORECASE
)
# via-received = "received" EQUAL (IPv4address / IPv6address)
# Lenient: without a value it goes as well.
_RECEIVED = re.compile(rb";" + WS + rb"received(?![A-Za-z0-9\-.!%*_+`'~])[^;]*", re.IGNORECASE)


_Sender = tuple[bool, bytes, bytes, int | None, tuple[bytes, int]]
"""What a Via says before its branch, the same in all messages of a phone: whether `rport` stands there, and Via's
transport, host, port and sent_by."""


class Via:
    """One Via value.

    text: as it came. transport: upper case. host: as it came. port: or None. branch: b"" where there is none.
    sent_by: host (canonical) and port of the sender as it calls itself, the default port made explicit (§20.42).
    rport: whether the sender asked for a response to the port it really sent from (RFC 3581 §3).
    """

    __slots__ = ("_is_usual", "branch", "host", "maddr", "port", "rport", "sent_by", "text", "transport")

    def __init__(self, text: bytes) -> None:
        self.text = text
        self.maddr: bytes | None = None
        before, usual, behind = text.partition(b";branch=")
        sender = _SENDERS[before] if usual else None
        branch, rport, more = behind.partition(b";rport") if SEMICOLON in behind else (behind, b"", b"")
        if sender is None or more or (rport and sender[0]) or SEMICOLON in branch or SPACE in branch or TAB in branch:
            self._is_usual = False
            sender = self._read(text)
        else:
            self._is_usual = True
            self.branch = branch
            self.rport = sender[0] or rport != b""
        _, self.transport, self.host, self.port, self.sent_by = sender

    def _read(self, text: bytes) -> _Sender:
        """Fill in what the parameters say. Returns what stands before them."""
        match = _VIA.fullmatch(text)
        if match is None:
            raise SipError(400, "Bad Via")
        transport, host, port, params = match.groups()
        self.branch = b""
        self.rport = False
        names = set()
        for param in params.split(b";", PARAMETER_LIMIT + 1)[1:]:
            name, _, value = param.partition(b"=")
            name = name.strip(b" \t").lower()
            if name in names:
                # "MUST NOT appear more than once" (§7.3.1): of two branches others might read the other one.
                raise SipError(400, "A parameter of Via is there twice")
            names.add(name)
            if name == b"branch":
                self.branch = value.strip(b" \t")
            elif name == b"rport":
                self.rport = True
            elif name == b"maddr":
                self.maddr = value.strip(b" \t")
            elif not name:
                raise SipError(400, "Empty parameter in Via")
        return _sender(self.rport, transport.upper(), host, port)

    @property
    def asks_plainly(self) -> bool:
        """Whether the sender asked by `rport`, written as nearly all phones write it: alone, and once."""
        return self.rport and self._is_usual

    @property
    def unique(self) -> bool:
        """Whether the branch alone names the transaction (RFC 3261 §17.2.3)."""
        return self.branch.startswith(MAGIC) and len(self.branch) > len(MAGIC)

    @property
    def source(self) -> tuple[bytes, int]:
        """Where the request came from, as a server has stamped it into this value (§18.2.1, RFC 3581 §4): host, and 0
        where the port that it really came from was not asked for."""
        _, semicolon, rest = self.text.partition(b";")
        params = parameters(semicolon + rest) or {}
        return params.get(b"received") or self.host, whole_number(params.get(b"rport") or b"", 65535) or 0

    def stamped(self, host: str, port: int) -> bytes:
        """This value with the address that the request really came from.

        `received` is added when it differs from the sent-by host or `rport` was asked for (RFC 3261 §18.2.1, RFC 3581
        §4); a `received` that was there already is the sender's own word and goes.
        """
        text = self.text
        if not self._is_usual and b"received" in text.lower():
            text = _RECEIVED.sub(b"", text)
        if self.asks_plainly:
            return with_source(text, host, port)
        source = host.encode()
        if self.rport:
            match = _RPORT.search(text)
            assert match is not None
            return b"%b=%d%b;received=%b" % (text[: match.end(1)], port, text[match.end() :], source)
        if self.sent_by[0].strip(b"[]") != source:
            return text + b";received=" + source
        return text

    def reply_address(self, source: tuple[str, int], trusted: bool = True) -> tuple[str, int]:
        """Where the response goes over UDP (RFC 3261 §18.2.2, RFC 3581 §4).

        source: (numeric host, port) that the request came from. trusted: whether `maddr` counts; a stranger could make
        us shoot at others by it.
        """
        if self.rport:
            return source
        if self.maddr is not None and trusted:
            machine = single_machine(self.maddr)
            if machine is not None and machine.version == ip_address(source[0]).version and not machine.is_loopback:
                return str(machine), self.port or 5060
        return source[0], self.port or 5060


def with_source(plain: bytes, host: str, port: int) -> bytes:
    """A value that asks plainly, with the address that it really came from (RFC 3581 §4)."""
    before, rport, behind = plain.partition(b";rport")
    return b"%b%b=%d%b;received=%b" % (before, rport, port, behind, host.encode())


def _sender(rport: bool, transport: bytes, host: bytes, port: bytes | None) -> _Sender:
    number = int(port) if port else None
    if number is not None and not 0 < number < 65536:
        raise SipError(400, "Port out of range in Via")
    return rport, transport, host, number, (canonical(host), number or (5061 if transport == b"TLS" else 5060))


def _usual_sender(text: bytes) -> _Sender | None:
    """What stands before a branch; None where it is written in no usual way."""
    match = _USUAL_SENDER.fullmatch(text)
    return None if match is None else _sender(match[4] is not None, match[1], match[2], match[3])


_SENDERS = Memo(_usual_sender)
