"""The wire of SIP over WebSocket (RFC 7118, RFC 6455): a handshake by HTTP, then a frame or a few for each message.

The library `websockets` knows the protocol, and has no socket, as the engine has none. What stands here is what SIP
wants of it: the subprotocol, whose page may connect, how large a message may be, and what a wrong guest is told.
"""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Final, cast

from sipfullproxy.sip.errors import SipError
from sipfullproxy.sip.framing import BODY_LIMIT, HEAD_LIMIT, PING, PONG, Broken
from sipfullproxy.sip.message import CRLF
from sipfullproxy.transport.origins import Origins

if TYPE_CHECKING:
    from websockets.frames import Frame
    from websockets.http11 import Request, Response

LIBRARY: Final = "websockets"
"""What must be installed; `pip install .` in the folder of the project brings it."""

WS_PORT, WSS_PORT = 8088, 8089
"""Where we listen when no port is named. The ports of RFC 7118 are those of the web, 80 and 443, which a student's
program may not open and other servers have; these are the neighbours of the page's 8080."""

LARGEST: Final = HEAD_LIMIT + BODY_LIMIT
"""Bytes of a message, as many as on a plain stream."""

HANDSHAKE_LIMIT: Final = 2**14
"""Bytes of the request that opens a WebSocket: a few hundred of its own, and whatever cookies the browser has for other
pages of this host, on all ports."""

_END_OF_HANDSHAKE: Final = CRLF + CRLF

# RFC 6455 §4.2.2, item 5.
_SWITCHING_PROTOCOLS = 101

# §5.2; the library counts them in the same way.
_CONTINUATION, _TEXT, _BINARY = range(3)

# §7.4.1
_NOT_UTF8 = 1007

_METHOD = re.compile(rb"[A-Z]")

_WRONG_DOOR: Final = """\
Tento port hovorí SIP cez WebSocket (RFC 7118), pre telefóny v prehliadači. Stránka proxy je na inom porte.
This port speaks SIP over WebSocket (RFC 7118), for phones in a browser. The page of the proxy is at another port.
"""

_WRONG_PAGE: Final = """\
Stránka z {origin} tu volať nesmie; dovolí jej to --ws-origin {origin}
A page from {origin} may not call here; to allow it: --ws-origin {origin}
"""

log = logging.getLogger(__name__)


def load() -> None:
    """Load the library, before the first browser comes: it takes a sixth of a second, in which no call is served."""
    import websockets.server  # noqa: F401


class WebSocket:
    """The wire of one WebSocket that a browser, or another phone, opens; see `Wire`. origins: whose pages may."""

    __slots__ = ("_begun", "_is_text", "_open", "_origins", "_owed", "_parts", "_protocol", "broken", "unheard")

    def __init__(self, origins: Origins) -> None:
        from websockets.server import ServerProtocol  # only here: most proxies speak to no browser
        from websockets.typing import Subprotocol

        # No extension is offered, so nothing is ever unpacked to a multiple of its size.
        self._protocol = ServerProtocol(subprotocols=[Subprotocol("sip")], max_size=LARGEST, logger=log)
        self._origins = origins
        self._begun = bytearray()  # of the handshake
        self._open = False
        self._parts: bytearray | None = None  # of a message that comes in several frames
        self._is_text = False
        self._owed = bytearray()
        self.broken: Broken | None = None
        self.unheard = False

    @property
    def half(self) -> bool:
        """See `Wire.half`. Not half a frame: who stops within one cannot answer a ping."""
        return not self._open or self._parts is not None

    def feed(self, data: bytes) -> list[bytes]:
        """See `Wire.feed`."""
        if self.broken is not None:
            return []
        if not self._open:
            data = self._shake_hands(data)
            if not self._open:
                return []
        protocol = self._protocol
        protocol.receive_data(data)
        found = []
        for frame in cast("list[Frame]", protocol.events_received()):
            message = self._message(frame)
            if message is None:
                continue
            if self._is_text and not _is_utf8(message):
                protocol.fail(_NOT_UTF8, "text that is not UTF-8")
                break
            if message == PING:  # RFC 7118 §6: the keepalive of SIP is spoken here, too
                self._owed += self.wrap(PONG)
            elif message.strip(CRLF):
                found.append(message)
        self._owe()
        if protocol.close_expected():
            self.broken = Broken(SipError(400, "The WebSocket is closed"))
        return found

    def owed(self) -> bytes:
        """See `Wire.owed`."""
        owed = bytes(self._owed)
        self._owed.clear()
        return owed

    def wrap(self, message: bytes) -> bytes:
        """A message as one frame: as text, which is what browsers like, unless it is none (RFC 7118 §5, RFC 6455 §5.6).
        b"" when the WebSocket is closed, or not open yet."""
        if not self._open or self._protocol.close_expected():
            return b""
        send = self._protocol.send_text if _is_utf8(message) else self._protocol.send_binary
        send(message)
        return b"".join(self._protocol.data_to_send())

    def ping(self) -> None:
        """Ask the peer whether it is there; browsers answer by themselves (RFC 6455 §5.5.2)."""
        if self._open and self.broken is None:
            self._protocol.send_ping(b"")
            self._owe()
            self.unheard = True

    def _owe(self) -> None:
        self._owed += b"".join(self._protocol.data_to_send())

    # -- the handshake -------------------------------------------------------------------------------------------------

    def _shake_hands(self, data: bytes) -> bytes:
        """Go on with the handshake. Returns what came behind its end."""
        self._begun += data
        head, end, rest = self._begun.partition(_END_OF_HANDSHAKE)
        if not _METHOD.match(head):  # TLS, for example, which would never come to an end of lines
            self._refuse(self._protocol.reject(400, _WRONG_DOOR))
        elif len(head) > HANDSHAKE_LIMIT:
            self._refuse(self._protocol.reject(431, f"A handshake has at most {HANDSHAKE_LIMIT} bytes.\n"))
        elif end:
            # Without what is behind it: the library would read that before the handshake is answered.
            self._protocol.receive_data(head + end)
            asked = cast("list[Request]", self._protocol.events_received())
            told = b"".join(self._protocol.data_to_send())
            if asked:
                self._answer(asked[0])
            elif told:  # a line of it was too long, or it had too many
                self._end(told)
            else:  # it is not HTTP but SIP, for example
                self._refuse(self._protocol.reject(400, _WRONG_DOOR))
            return bytes(rest)
        return b""

    def _answer(self, request: Request) -> None:
        protocol = self._protocol
        # A browser sends one Origin. Who sends none is no browser, see `Origins.allow`.
        wrong = [origin for origin in request.headers.get_all("Origin") if not self._origins.allow(origin)]
        if wrong:
            self._refuse(protocol.reject(403, _WRONG_PAGE.format(origin=wrong[0])))
            return
        response = protocol.accept(request)
        if response.status_code != _SWITCHING_PROTOCOLS:
            response.body += b"\n" + _WRONG_DOOR.encode()
            del response.headers["Content-Length"]
            response.headers["Content-Length"] = str(len(response.body))
            self._refuse(response)
            return
        self._begun.clear()
        self._open = True
        protocol.send_response(response)
        self._owe()

    def _refuse(self, response: Response) -> None:
        self._end(response.serialize())

    def _end(self, words: bytes) -> None:
        self._begun.clear()
        self._owed += words
        self.broken = Broken(SipError(400, "No handshake of a WebSocket"))

    # -- the messages --------------------------------------------------------------------------------------------------

    def _message(self, frame: Frame) -> bytes | None:
        """The message of the WebSocket that is whole with this frame; None where more must come, or it is no part of
        one. Each is one of SIP (RFC 7118 §5)."""
        self.unheard = False
        if frame.opcode in (_TEXT, _BINARY):
            self._is_text = frame.opcode == _TEXT
            self._parts = bytearray(frame.data)
        elif frame.opcode == _CONTINUATION and self._parts is not None:
            self._parts += frame.data
        else:
            return None  # the library has answered it
        if not frame.fin:
            return None
        message, self._parts = bytes(self._parts), None
        return message


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
