"""Where a phone wants its voice and in which codecs, as its session description says (RFC 8866, RFC 3551)."""

from __future__ import annotations

from typing import Final, NamedTuple

from sipfullproxy.journal.safe import safe
from sipfullproxy.sip.sdp import LONGEST_BODY, MOST_MEDIA, SENDRECV

MOST_CODECS: Final = 32
"""Codecs of one medium that are read: phones offer up to about twenty."""

LONGEST_CODEC: Final = 20
"""Characters of a codec's name that are shown: the longest that is registered has about as many."""

_STATIC: Final = {
    "0": "PCMU", "3": "GSM", "4": "G723", "8": "PCMA", "9": "G722", "13": "CN", "18": "G729", "26": "JPEG",
    "31": "H261", "34": "H263",
}  # fmt: skip
"""RFC 3551 §6: the payload types that need no rtpmap, as far as phones still send them."""

_NO_CODECS: Final = frozenset(("telephone-event", "CN", "red", "ulpfec", "rtx"))
"""What stands among the codecs and carries no voice or picture by itself."""

_DIRECTIONS: Final = frozenset(("sendrecv", "sendonly", "recvonly", "inactive"))


class Stream(NamedTuple):
    """One medium. kind: "audio", "video" … host, port: where its writer wants to receive; port 0: refused.

    codecs: their names, in the writer's order, without helpers such as telephone-event. direction: "sendrecv" …
    """

    kind: str
    host: str
    port: int
    codecs: tuple[str, ...]
    direction: str

    @property
    def address(self) -> str:
        """As `host:port`."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def streams(body: bytes) -> tuple[Stream, ...]:
    """The media of a session description, whatever it is; never raises. Text in them is safe to show."""
    host, direction = "", SENDRECV
    found: list[dict[str, str]] = []
    for raw in body[:LONGEST_BODY].splitlines():
        line = raw.decode("utf-8", "replace").strip()
        mark, value = line[:2], line[2:]
        if mark == "m=":
            if len(found) == MOST_MEDIA:
                break
            found.append({"m": value})
        elif mark == "c=":
            words = value.split()
            said = words[2].partition("/")[0] if len(words) > 2 else ""
            if found:
                found[-1]["c"] = said
            else:
                host = said
        elif value in _DIRECTIONS and mark == "a=":
            if found:
                found[-1]["a"] = value
            else:
                direction = value
        elif line.startswith("a=rtpmap:") and found:
            number, _, name = line[9:].partition(" ")
            found[-1].setdefault(f"rtpmap {number}", name.partition("/")[0])
    return tuple(stream for one in found if (stream := _stream(one, host, direction)) is not None)


def _stream(one: dict[str, str], host: str, direction: str) -> Stream | None:
    words = one["m"].split()
    port = words[1].partition("/")[0] if len(words) > 2 else ""
    if not (port.isascii() and port.isdigit() and len(port) < 6):
        return None
    names = [one.get(f"rtpmap {number}") or _STATIC.get(number, "") for number in words[3 : 3 + MOST_CODECS]]
    codecs = dict.fromkeys(safe(name, LONGEST_CODEC) for name in names if name and name not in _NO_CODECS)
    return Stream(
        safe(words[0].lower(), LONGEST_CODEC), safe(one.get("c", host), 50), int(port), tuple(codecs),
        one.get("a", direction),
    )  # fmt: skip
