"""Where the headers of a message stand: from the name of each to its lines (RFC 3261 §7.3).

A phone writes the headers of one kind of message in the same order each time, so the names of a head, one behind the
other, say all that there is to say of where they are. It is found out once, and shared by all heads that are alike.
Most heads are like the last one of their kind; to see whether one is takes half the time of cutting its names out.
"""

from __future__ import annotations

import re

from sipfullproxy.sip.grammar import COLON, TOKEN
from sipfullproxy.sip.memo import Memo

HEADER_LIMIT = 512
"""Lines of one message before its body, folds counted; real ones have about thirty."""

KINDS = 256
"""Indexes that are kept, and as many once more as the latest of their kind. A phone has a dozen kinds of messages;
strangers, each of whose heads may be another one, fill 14 MB with them."""

# RFC 3261 §7.3.3 and the registry of later ones: compact forms of header names.
COMPACT = {
    b"a": b"accept-contact", b"b": b"referred-by", b"c": b"content-type", b"d": b"request-disposition",
    b"e": b"content-encoding", b"f": b"from", b"i": b"call-id", b"j": b"reject-contact", b"k": b"supported",
    b"l": b"content-length", b"m": b"contact", b"n": b"identity-info", b"o": b"event", b"r": b"refer-to",
    b"s": b"subject", b"t": b"to", b"u": b"allow-events", b"v": b"via", b"x": b"session-expires", b"y": b"identity",
}  # fmt: skip

_IS_NAME = re.compile(TOKEN).fullmatch
_BLANK = (b" ", b"\t")

_MANDATORY = (b"from", b"to", b"call-id", b"cseq")
_OPTIONAL = (b"max-forwards", b"max-breadth", b"content-length")
"""Headers of which a second one makes a message ambiguous (RFC 3261 §7.3.1, RFC 4475 §3.3.8, RFC 5393 §5.3)."""

_TITLE = {
    b"from": "From", b"to": "To", b"call-id": "Call-ID", b"cseq": "CSeq", b"max-forwards": "Max-Forwards",
    b"max-breadth": "Max-Breadth", b"content-length": "Content-Length",
}  # fmt: skip

Places = tuple[int, ...]
"""Positions among the header lines."""

_NOWHERE: Places = ()

NONE = -1
"""The place of a header that is not there."""


def canonical(name: bytes) -> bytes:
    """The one name under which a header is indexed: lower case, long form (RFC 3261 §7.3.1, §7.3.3)."""
    name = name.rstrip(b" \t").lower()
    return COMPACT.get(name, name)


class Index(dict[bytes, Places]):
    """Positions of header lines by canonical name. Immutable by convention: instances are shared.

    flaw: what is wrong with a name, or "". folded: whether a line continues the one before it; then the rest says
    nothing. unclear: which header every message must have is missing, or is there twice where there may be but one; or
    "". ends: where From, To, Call-ID and CSeq are, if nothing is unclear. top: where the topmost Via is. length: where
    the only Content-Length is. Both are NONE where there is none. echoed: where that is which an answer repeats, Via
    first (§8.2.6.2). to: which of these is To; NONE where there is none. beginnings: what the lines begin with, the
    names as they came and their colons.
    """

    __slots__ = ("beginnings", "echoed", "ends", "flaw", "folded", "length", "to", "top", "unclear")

    def __init__(self, names: bytes) -> None:
        """names: those of the lines, in order, as they came, with a colon between them."""
        super().__init__()
        self.flaw = ""
        self.folded = False
        self.beginnings = [raw + b":" for raw in names.split(b":")]
        for place, raw in enumerate(names.split(b":")):
            if place and raw[:1] in _BLANK:
                self.folded = True
            name = canonical(raw)
            if _IS_NAME(name):
                self[name] = (*self.get(name, _NOWHERE), place)
            else:
                self.flaw = "A header line is no header"
        self.unclear = self._unclear()
        self.ends = () if self.unclear else tuple(self[name][0] for name in _MANDATORY)
        self.top = self.get(b"via", (NONE,))[0]
        lengths = self.get(b"content-length", _NOWHERE)
        self.length = lengths[0] if len(lengths) == 1 else NONE
        # Of what there may be but one only the first, so that the answer is not broken too.
        once = [self[name][0] for name in _MANDATORY if name in self]
        self.echoed = (*self.get(b"via", _NOWHERE), *once)
        self.to = self.echoed.index(self[b"to"][0]) if b"to" in self else NONE

    def _unclear(self) -> str:
        for name in _MANDATORY + _OPTIONAL:
            found = len(self.get(name, _NOWHERE))
            if not found and name in _MANDATORY:
                return f"No {_TITLE[name]} header"
            if found > 1:
                return f"More than one {_TITLE[name]} header"
        return ""


_INDEXES = Memo(Index, KINDS)
_LATEST: dict[tuple[object, int], Index] = {}
"""The index of the last head of a kind that has so many lines; none of what is no head, or is folded."""


def index_of(lines: list[bytes], kind: object = None) -> Index:
    """The index of header lines. Folds among them are joined to the lines that they continue.

    kind: what tells messages apart whose heads are likely to differ, such as the method.
    """
    latest = _LATEST.get((kind, len(lines)))
    if latest is not None and all(map(bytes.startswith, lines, latest.beginnings)):
        return latest
    # A line without a colon has no name: "?" is none.
    names = [line.partition(b":")[0] if COLON in line else line[:1] + b"?" for line in lines]
    index = _INDEXES[b":".join(names)]
    if index.folded:
        lines[:] = _join_folds(lines)
        return index_of(lines, kind)
    if not index.flaw:
        if len(_LATEST) >= KINDS:
            _LATEST.clear()
        _LATEST[kind, len(lines)] = index
    return index


def _join_folds(lines: list[bytes]) -> list[bytes]:
    """Put each continuation line back to the line that it continues (RFC 3261 §7.3.1)."""
    joined: list[list[bytes]] = []
    for line in lines:
        if line[:1] in _BLANK and joined:
            joined[-1].append(line)
        else:
            joined.append([line])
    return [b"\r\n".join(parts) for parts in joined]
