"""Why a message was sent at all: who caused it, or which timer (RFC 3261 §16, §17)."""

from __future__ import annotations

from sipfullproxy.explain.changes import composed
from sipfullproxy.explain.names import host_of, person, phone
from sipfullproxy.explain.reading import Reading, spec
from sipfullproxy.explain.trail import Trail
from sipfullproxy.explain.words import table
from sipfullproxy.journal.safe import safe
from sipfullproxy.lang import Lang
from sipfullproxy.sip.grammar import parameters, unquote

_TIMED = ("A", "E", "G")
"""The timers that send something again (RFC 3261 table 4)."""


def why(trail: Trail, place: int, lang: Lang) -> str:
    """The reason in one sentence, its source in brackets behind; "" for what came in for the first time."""
    record, reading = trail.records[place], trail.readings[place]
    origin = trail.origin[place]
    whose = record if origin is None else trail.records[origin]
    old = None if origin is None else trail.readings[origin]
    diversion = next(iter(reading.values(b"diversion")), b"")
    facts = {
        "phone": phone(trail, whose.flow, lang),
        "to": phone(trail, record.flow, lang),
        "method": safe(reading.method.decode("utf-8", "replace")),
        "seconds": _seconds(_waited(trail, place), lang),
        "user": person((old or reading).uri or reading.first(b"to")),
        "by": person(diversion),
        "host": _host(reading),
        "why": _parameter(diversion, b"reason"),
        "warning": _warning(reading),
    }
    key = _key(trail, place, reading, old)
    if not key:
        return ""
    said = table("why")[key]
    source = said.where(lang)
    return said.text(lang, **facts) + (f" ({source})" if source else "")


def _key(trail: Trail, place: int, reading: Reading, old: Reading | None) -> str:
    record, cause = trail.records[place], trail.cause[place]
    if record.inward:
        return "came.again" if trail.first[place] != place else ""
    if trail.first[place] != place:
        return _again_key(trail, place, reading, cause)
    made = None if cause is None else trail.readings[cause]
    if not reading.status and len(reading.values(b"via")) == 1:
        return "ack" if reading.method == b"ACK" else _cancel_key(record.cause, made)
    if old is None or composed(old, reading):
        return _own_key(reading, record.cause)
    if reading.status:
        return "response" if cause == trail.origin[place] else "response.best"
    if "dns" in record.edits:
        return "request.named" if record.cause == "dns" else "request.named.next"
    if len(reading.values(b"diversion")) > len(old.values(b"diversion")):
        return "request.diverted"
    if reading.in_dialog or old.values(b"route"):
        return "request.inside"
    return "request.registered" if cause == trail.origin[place] else "request.next"


def _again_key(trail: Trail, place: int, reading: Reading, cause: int | None) -> str:
    letter = trail.records[place].cause
    if letter in _TIMED:
        return f"again.{letter}"
    if cause is None:
        return "again"
    if not trail.readings[cause].status:
        return "again.request" if reading.status else "again.passed"
    return "again.ack" if not reading.status else "response.2xx"


def _cancel_key(cause: int | str, made: Reading | None) -> str:
    if made is None:
        return f"cancel.{cause}" if f"cancel.{cause}" in table("why") else "cancel"
    if not made.status:
        return "cancel.caller" if made.method == b"CANCEL" else "cancel"
    if made.status < 200:
        return "cancel.waited"
    if made.status < 300:
        return "cancel.elsewhere"
    return "cancel.everywhere" if made.status >= 600 else "cancel"


def _own_key(reading: Reading, cause: int | str) -> str:
    status = reading.status
    key = f"own.{status}"
    if status == 100 and cause == "4320":
        key = "own.100.late"
    elif 200 <= status < 300:
        key = f"own.{reading.method.decode('ascii', 'replace')}"
    elif f"{key}.{cause}" in table("why"):
        key = f"{key}.{cause}"
    elif reading.method == b"REGISTER" and status in (403, 404, 480):
        key = "own"
    return key if key in table("why") else "own"


def _waited(trail: Trail, place: int) -> float:
    """Seconds since the same message was sent last."""
    record, first = trail.records[place], trail.first[place]
    for earlier in range(place - 1, first - 1, -1):
        if trail.first[earlier] == first:
            return record.time - trail.records[earlier].time
    return 0.0


def _seconds(seconds: float, lang: Lang) -> str:
    """As people of that language write them: 0.5, 0,5, or just 1."""
    shown = f"{seconds:.1f}".removesuffix(".0")
    return shown.replace(".", ",") if lang == "sk" else shown


def _warning(reading: Reading) -> str:
    """The words of a Warning of the proxy's own, or its status."""
    words = reading.first(b"warning").split(b" ", 2)
    if len(words) < 3:
        return f"{reading.status} {safe(reading.phrase.decode('utf-8', 'replace'))}".rstrip()
    return safe(unquote(words[2].strip()).decode("utf-8", "replace"))


def _host(reading: Reading) -> str:
    """Whose server a request goes to: the host of its Route, or else of its Request-URI."""
    return host_of(spec(reading.first(b"route")) if reading.values(b"route") else reading.uri)


def _parameter(value: bytes, name: bytes) -> str:
    found = parameters(value[value.find(b">") + 1 :]) if b">" in value else None
    return safe(((found or {}).get(name) or b"?").decode("utf-8", "replace"))
