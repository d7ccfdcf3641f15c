"""What the proxy changed in a message, and why (RFC 3261 §16.6, §16.7): the difference of two messages, explained.

The two messages are the truth. The names of edits that the engine gave to its `Send` only help to choose among reasons
that would look alike on the wire.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from sipfullproxy.engine.tokens import is_token
from sipfullproxy.explain.names import title
from sipfullproxy.explain.reading import Reading, branch, plain, read, spec, user
from sipfullproxy.explain.words import table
from sipfullproxy.journal.safe import safe
from sipfullproxy.lang import Lang
from sipfullproxy.sip.errors import SipError
from sipfullproxy.sip.headers.via import Via
from sipfullproxy.sip.phrases import PHRASES
from sipfullproxy.sip.uri import Uri, parse_uri

Kind = Literal["added", "removed", "changed"]

EDITS: Final = frozenset((
    "strict-route-restored", "route-pop", "strict-route", "uri-to-binding", "uri-cleaned", "max-forwards-add",
    "max-forwards-down", "max-breadth", "record-route", "diversion", "via-push", "via-pop", "phrase", "cancel", "dns",
    "content-length-add", "login-used", "path-route",
))  # fmt: skip
"""The names that the engine has for its changes. A new one must be thought of here, too: a test compares them."""

_URI, _PHRASE, _START, _BODY = b"request-uri", b"reason-phrase", b"start", b"body"

_COPIED: Final = frozenset((b"via", b"from", b"to", b"call-id", b"cseq", b"timestamp", b"content-length"))
"""What an answer of the proxy takes from its request; the rest of an answer is its own."""

_FOLLOWING: Final = _COPIED | {b"route", b"max-forwards"}
"""What an ACK or a CANCEL of the proxy takes from its INVITE."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One change.

    header: name of the header; "Request-URI", "Reason-Phrase", "Status-Line", "Request-Line" or "body" for what is
    none. kind: what was done to it. before, after: its value, "" where there is none. why: the reason in one sentence.
    source: where that is written, or "".
    """

    header: str
    kind: Kind
    before: str
    after: str
    why: str
    source: str


class Difference(NamedTuple):
    """One change, not yet explained. name: canonical, lower case; `request-uri`, `reason-phrase`, `start`, `body`."""

    name: bytes
    kind: Kind
    before: bytes
    after: bytes


def changes(before: bytes, after: bytes, edits: Sequence[str] = (), lang: Lang = "sk") -> list[Change]:
    """What became of a message, in the order in which it stands in the new one.

    before: the message that `after` was made from: for a forwarded one the one that came in, for an answer of the proxy
    the request, for an ACK or CANCEL of the proxy the INVITE that it had sent. edits: see `engine.flow.Send`.
    Takes time that grows with the two messages together.
    """
    old, new = read(before), read(after)
    return list(map(Explainer(old, new, edits, lang), differences(old, new)))


def composed(old: Reading, new: Reading) -> bool:
    """Whether the proxy wrote `new` by itself, after the example of `old`."""
    return bool(new.status) != bool(old.status) or new.method != old.method


def differences(old: Reading, new: Reading) -> list[Difference]:
    """Every difference that a reader could see: of values, not of spelling or of white space around them."""
    found = list(_starts(old, new))
    own = composed(old, new)
    taken = (_COPIED if new.status else _FOLLOWING) | ({b"contact"} if new.method == b"REGISTER" else set())
    names = dict.fromkeys([*new.headers, *(() if own else old.headers)])
    for name in names:
        before = old.values(name) if not own or name in taken else []
        found += _values(name, before, new.values(name))
    if not own and old.body != new.body:
        cut = old.body.startswith(new.body)
        rest = old.body[len(new.body) :]
        found.append(
            Difference(_BODY, "removed", rest, b"") if cut else Difference(_BODY, "changed", old.body, new.body)
        )
    return found


class Explainer:
    """Puts the reason to each difference of two messages. What holds for all of them is found once."""

    def __init__(self, old: Reading, new: Reading, edits: Sequence[str], lang: Lang) -> None:
        self._new = new
        self._edits = edits
        self._lang = lang
        self._own = composed(old, new)
        self._old_uri, self._new_uri = _uri(old.uri), _uri(new.uri)
        self._routes = old.values(b"route")
        self._stop = b"" if self._own else _strict_stop(old, new)
        self._diverted = len(new.values(b"diversion")) > len(old.values(b"diversion"))
        self._facts = {
            "was": _who(old.uri),
            "user": safe(_text(user(new.uri) or new.uri)),
            "status": new.status,
            "method": safe(_text(new.method)),
            "edits": ", ".join(edits) or "?",
        }

    def __call__(self, one: Difference) -> Change:
        """The difference with its reason, in words."""
        reason = table("reasons")[self.key(one)]
        before, after = plain(one.before), plain(one.after)
        return Change(
            header=_header(one.name, self._new), kind=one.kind, before=before, after=after,
            why=reason.text(self._lang, **{**self._facts, "before": before, "after": after}),
            source=reason.where(self._lang),
        )  # fmt: skip

    def key(self, one: Difference) -> str:
        """The reason of a difference: its key in words/reasons.toml."""
        if self._own:
            return _answer_key(one) if self._new.status else _hop_key(one, self._new)
        match one.name, one.kind:
            case b"request-uri", _:
                return self._uri_key()
            case b"via", _:
                return _popped_key(one) if self._new.status else _pushed_key(one)
            case b"max-forwards", "changed":
                return "max-forwards.down"
            case b"max-forwards", "added":
                return "max-forwards.added"
            case b"content-length", "added":
                return "content-length.added"
            case b"max-breadth", _:
                return "max-breadth"
            case b"route", "removed":
                return self._route_key(one)
            case b"route", "added":
                return "route.path" if "path-route" in self._edits else "route.target"
            case b"record-route", "added":
                return _recorded_key(one)
            case b"diversion", "added":
                return "diversion.added"
            case b"reason-phrase", _:
                return _phrase_key(one, self._new)
            case ((b"www-authenticate" | b"proxy-authenticate"), "added"):
                return "challenge.added"
            case b"proxy-authorization", "removed":
                return "login.used"
            case b"body", "removed":
                return "body.cut"
        return "unknown"

    def _uri_key(self) -> str:
        if self._routes and _same_place(spec(self._routes[-1]), self._new.uri) and not self._stop:
            return "uri.restored"
        if self._stop:
            return "uri.strict"
        if self._diverted:
            return "uri.diverted"
        if "uri-to-binding" in self._edits:
            return "uri.browser" if _is_browser(self._new_uri) else "uri.binding"
        was, now = self._old_uri, self._new_uri
        if was is None or now is None:
            return "uri.other"
        if b"maddr" in was.params and b"maddr" not in now.params:
            return "uri.maddr"
        if was.for_request() == now.text:
            return "uri.cleaned"
        return "uri.other"

    def _route_key(self, one: Difference) -> str:
        if self._stop and spec(one.before) == self._stop:
            return "route.strict"
        if _same_place(spec(one.before), self._new.uri):
            return "route.restored"
        return "route.token" if _has_token(one.before) else "route.ours"


# -- differences -----------------------------------------------------------------------------------------------------


def _starts(old: Reading, new: Reading) -> Iterator[Difference]:
    if composed(old, new):
        yield Difference(_START, "changed" if not new.status else "added", b"" if new.status else old.start, new.start)
    elif new.status:
        if old.phrase != new.phrase:
            yield Difference(_PHRASE, "changed", old.phrase, new.phrase)
    elif old.uri != new.uri:
        yield Difference(_URI, "changed", old.uri, new.uri)


def _values(name: bytes, old: list[bytes], new: list[bytes]) -> list[Difference]:
    """What was added to the values of a header, taken away and changed. Those that only moved are no difference."""
    if old == new:
        return []
    removed, added = _missing(old, new), _missing(new, old)
    if name == b"via":
        pairs = min(len(removed), len(added), 1)
    elif name in (b"route", b"record-route", b"diversion"):
        pairs = 0  # these are stops on a way: one goes, another comes, none becomes another
    else:
        pairs = min(len(removed), len(added))
    # What a proxy adds stands on top, so the last ones are those that were there.
    split = len(added) - pairs
    found = [Difference(name, "added", b"", value) for value in added[:split]]
    found += [Difference(name, "changed", *pair) for pair in zip(removed[:pairs], added[split:], strict=True)]
    return found + [Difference(name, "removed", value, b"") for value in removed[pairs:]]


def _missing(values: list[bytes], others: list[bytes]) -> list[bytes]:
    """Those of `values` that are not in `others`, each as often as it is missing there."""
    left = Counter(others)
    found = []
    for value in values:
        if left[value]:
            left[value] -= 1
        else:
            found.append(value)
    return found


# -- reasons ---------------------------------------------------------------------------------------------------------


def _popped_key(one: Difference) -> str:
    return "via.popped" if one.kind == "removed" else "unknown"


def _pushed_key(one: Difference) -> str:
    if one.kind == "added":
        return "via.added" if b"." in branch(one.after) else "via.plain"  # a stateless proxy leaves no loop mark
    return _stamp_key(one) if one.kind == "changed" else "unknown"


def _stamp_key(one: Difference) -> str:
    """Of a Via that was given the address where the request really came from."""
    if _asks_for_rport(one.before):
        return "via.rport"
    if _is_made_up(one.before):
        return "via.browser"
    return "via.received" if b"received" in one.after.lower() else "via.unreceived"


def _recorded_key(one: Difference) -> str:
    if not _has_token(one.after):
        return "record-route.added"
    return "record-route.browser" if _is_browser(_uri(spec(one.after))) else "record-route.token"


def _is_browser(uri: Uri | None) -> bool:
    """Whether a URI leads to a WebSocket, which a browser has opened."""
    return uri is not None and (uri.params.get(b"transport") or b"").lower() == b"ws"


def _is_made_up(value: bytes) -> bool:
    """Whether a Via has the name that leads nowhere, which a browser takes in the place of its own (RFC 2606 §2)."""
    try:
        return Via(value).host.lower().endswith(b".invalid")
    except SipError:
        return False


def _asks_for_rport(value: bytes) -> bool:
    try:
        return Via(value).rport
    except SipError:
        return False


def _strict_stop(old: Reading, new: Reading) -> bytes:
    """The URI of the Route value that took the place of the Request-URI (which went to the end of Route), or b""."""
    removed = _missing(old.values(b"route"), new.values(b"route"))
    stop = spec(removed[-1]) if removed and new.values(b"route") else b""
    return stop if stop and new.uri == _as_request_uri(stop) else b""


def _as_request_uri(text: bytes) -> bytes:
    uri = _uri(text)
    return text if uri is None else uri.for_request()


def _same_place(one: bytes, other: bytes) -> bool:
    return one == other or _as_request_uri(one) == other


def _phrase_key(one: Difference, new: Reading) -> str:
    known = PHRASES.get(new.status)
    if known is not None and one.after.decode("utf-8", "replace") in known:
        return "phrase.sk" if one.after.decode("utf-8", "replace") == known[0] else "phrase.en"
    return "phrase.own"


_OF_AN_ANSWER: Final = {
    b"start": "answer.start", b"to": "answer.tag", b"contact": "answer.contact", b"content-length": "answer.length",
    b"warning": "answer.warning", b"allow": "answer.allow", b"accept": "answer.capability",
    b"accept-encoding": "answer.capability", b"accept-language": "answer.capability",
    b"supported": "answer.capability", b"unsupported": "answer.unsupported", b"retry-after": "answer.retry-after",
    b"min-expires": "answer.min-expires", b"require": "answer.outbound", b"flow-timer": "answer.flow-timer",
}  # fmt: skip


def _answer_key(one: Difference) -> str:
    """The reason of a difference between a request and the proxy's own answer."""
    if one.name == b"via" and one.kind == "changed":
        return _stamp_key(one)
    if one.kind == "removed" and one.name != b"contact":
        return "answer.single"
    return _OF_AN_ANSWER.get(one.name, "unknown")


_OF_A_HOP: Final = {
    b"via": "hop.via", b"cseq": "hop.cseq", b"to": "hop.to", b"max-forwards": "hop.max-forwards",
    b"content-length": "answer.length", b"reason": "hop.reason",
}  # fmt: skip


def _hop_key(one: Difference, new: Reading) -> str:
    """The reason of a difference between an INVITE that was sent and the proxy's own ACK or CANCEL."""
    if one.name == _START:
        return "ack.start" if new.method == b"ACK" else "cancel.start"
    return _OF_A_HOP.get(one.name, "unknown")


# -- facts -----------------------------------------------------------------------------------------------------------


def _uri(text: bytes) -> Uri | None:
    try:
        return parse_uri(text)
    except SipError:
        return None


def _has_token(route: bytes) -> bool:
    uri = _uri(spec(route))
    return uri is not None and uri.user is not None and is_token(uri.user)


def _who(text: bytes) -> str:
    uri = _uri(text)
    return safe(_text(text if uri is None or not uri.user else uri.name + b"@" + uri.host))


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")


def _header(name: bytes, new: Reading) -> str:
    if name == _START:
        return "Status-Line" if new.status else "Request-Line"
    return {_URI: "Request-URI", _PHRASE: "Reason-Phrase", _BODY: "body"}.get(name) or title(name)
