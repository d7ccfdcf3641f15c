"""One sentence for each message: what it means in the story of the call."""

from __future__ import annotations

import re
from typing import Final

from sipfullproxy.explain.changes import composed
from sipfullproxy.explain.names import capitalized, inflected, owner, person, phone, status_of
from sipfullproxy.explain.reading import Reading, spec
from sipfullproxy.explain.trail import LONGEST_NAME, Trail
from sipfullproxy.explain.voice import streams
from sipfullproxy.explain.words import table
from sipfullproxy.journal.safe import safe
from sipfullproxy.lang import Lang
from sipfullproxy.sip.sdp import find_sdp

MOST_NAMED: Final = 3
"""Codecs that a sentence names."""

_SIPFRAG = re.compile(rb"\s*SIP/2\.0 ([1-6][0-9][0-9][^\r\n]*)", re.IGNORECASE)  # RFC 3515 §2.4.5


def summary(trail: Trail, place: int, lang: Lang) -> str:
    """What the message at that place does, in one sentence without its full stop."""
    text = _passed(trail, place, lang) if not trail.records[place].inward else act(trail, place, lang)
    if trail.first[place] != place:
        text = _say("again", lang, act=text)
    return capitalized(text, trail.person(trail.records[place].flow))


def act(trail: Trail, place: int, lang: Lang) -> str:
    """What a phone does with the message that came in at that place."""
    reading, record = trail.readings[place], trail.records[place]
    facts = {
        "phone": phone(trail, record.flow, lang),
        "who": owner(trail, record.flow, lang),
        "method": _shown(reading.method),
    }
    if reading.status:
        asked = trail.asked[place]
        return _answer(reading, None if asked is None else trail.readings[asked], facts, lang)
    if not reading.headers:
        return _say("junk", lang, **facts)
    return _request(trail, place, reading, facts, lang)


def transfer_status(notify: Reading) -> str:
    """How a transfer goes, as its NOTIFY says: "180 Ringing"; "" where it says nothing of that."""
    match = _SIPFRAG.match(notify.body) if _word(notify.first(b"event")) == "refer" else None
    return _shown(match[1]) if match is not None else ""


# -- what phones do --------------------------------------------------------------------------------------------------


def _request(trail: Trail, place: int, reading: Reading, facts: dict[str, str], lang: Lang) -> str:
    facts["whom"] = person(reading.first(b"to") if reading.in_dialog else reading.uri)
    event = facts["event"] = _word(reading.first(b"event"))
    match reading.method:
        case b"REGISTER":
            facts["user"] = person(reading.first(b"to"))
            facts["contact"] = _uri(reading.first(b"contact"))
            return _say(_register_key(reading), lang, **facts)
        case b"INVITE" if reading.in_dialog:
            before = trail.before[place]
            return _say(
                _reinvite_key(reading, None if before is None else trail.readings[before]), lang,
                direction=_direction(reading), **facts,
            )  # fmt: skip
        case b"INVITE":
            facts["by"] = person(reading.first(b"referred-by"))
            return _say(_invite_key(reading), lang, **facts)
        case b"ACK":
            return _say(_ack_key(trail, trail.asked[place]), lang, **facts)
        case b"REFER":
            to = reading.first(b"refer-to")
            facts["target"] = person(to)
            return _say("REFER.attended" if b"replaces=" in to.lower() else "REFER", lang, **facts)
        case b"NOTIFY" if event == "refer":
            return _say("NOTIFY.refer", lang, status=transfer_status(reading) or "?", **facts)
        case (b"NOTIFY" | b"SUBSCRIBE") as method if event in ("conference", "presence"):
            return _say(f"{method.decode()}.{event}", lang, **facts)
        case b"INFO":
            kind = _word(reading.first(b"content-type"))
            return _say("INFO.picture" if "media_control" in kind else "INFO", lang, type=kind or "?", **facts)
    name = reading.method.decode("ascii", "replace")
    return _say(name if name in _PLAIN else "request", lang, **facts)


_PLAIN: Final = frozenset(("CANCEL", "BYE", "OPTIONS", "MESSAGE", "NOTIFY", "SUBSCRIBE", "PUBLISH", "PRACK", "UPDATE"))
"""Requests that have one sentence, whatever is in them."""


def _register_key(reading: Reading) -> str:
    contacts = reading.values(b"contact")
    if not contacts:
        return "REGISTER.ask"
    seconds = [match[1] if (match := _EXPIRES.search(value)) else reading.first(b"expires") for value in contacts]
    return "REGISTER.off" if all(value and not value.strip(b"0") for value in seconds) else "REGISTER"


_EXPIRES = re.compile(rb";[ \t]*expires[ \t]*=[ \t]*([0-9]+)", re.IGNORECASE)


def _invite_key(reading: Reading) -> str:
    if reading.first(b"replaces"):
        return "INVITE.replaces"
    if reading.first(b"referred-by"):
        return "INVITE.referred"
    if reading.first(b"authorization") or reading.first(b"proxy-authorization"):
        return "INVITE.login"
    sdp = reading.sdp
    return "INVITE.video" if sdp is not None and sdp.has_video else "INVITE"


def _reinvite_key(reading: Reading, before: Reading | None) -> str:
    now, then = reading.sdp, None if before is None else before.sdp
    if now is None:
        return "re-INVITE"
    held = then is not None and then.on_hold
    if now.on_hold != held:
        return "re-INVITE.hold" if now.on_hold else "re-INVITE.resume"
    seen = then is not None and then.has_video
    if now.has_video != seen and not now.on_hold:
        return "re-INVITE.video" if now.has_video else "re-INVITE.voice"
    return "re-INVITE"


def _ack_key(trail: Trail, heard: int | None) -> str:
    """What an ACK confirms. heard: the place of the final response."""
    if heard is None or trail.readings[heard].status < 300:
        said = None if heard is None else trail.origin[heard]
        invite = None if said is None else trail.asked[said]
        return "ACK.change" if invite is not None and trail.readings[invite].in_dialog else "ACK"
    return "ACK.refusal"


def _direction(reading: Reading) -> str:
    sdp = reading.sdp
    return next((one.direction for one in sdp.media if one.active), "sendrecv") if sdp is not None else ""


def _answer(reading: Reading, asked: Reading | None, facts: dict[str, str], lang: Lang) -> str:
    status, method = reading.status, reading.method.decode("ascii", "replace")
    facts |= {"status": status_of(reading), "contact": _uri(reading.first(b"contact"))}
    if status < 200:
        return _say(str(status) if str(status) in table("summary") else "1xx", lang, **facts)
    if status < 300:
        return _accepted(reading, asked, method, facts, lang)
    if method == "INVITE":
        key = {407: "401", 415: "488", 600: "486", 606: "488"}.get(status, "3xx" if status < 400 else str(status))
        return _say(key if key in table("summary") else "refused", lang, **facts)
    return _say(str(status) if status in (401, 481, 491) else "refused", lang, **facts)


def _accepted(reading: Reading, asked: Reading | None, method: str, facts: dict[str, str], lang: Lang) -> str:
    if method != "INVITE":
        return _say(f"{method}.2xx" if f"{method}.2xx" in table("summary") else "2xx", lang, **facts)
    if asked is not None and asked.in_dialog:
        return _say("re-INVITE.2xx", lang, **facts)
    body = find_sdp(reading.first(b"content-type"), reading.body)
    voice = next((one for one in streams(body or b"") if one.kind == "audio" and one.port), None)
    if voice is None:
        return _say("INVITE.2xx", lang, **facts)
    codecs = "/".join(voice.codecs[:MOST_NAMED]) or "?"
    return _say("INVITE.2xx.voice", lang, address=voice.address, codecs=codecs, **facts)


# -- what the proxy does ---------------------------------------------------------------------------------------------


def _passed(trail: Trail, place: int, lang: Lang) -> str:
    """What the proxy does with a message of its own, or of a phone."""
    record, reading, origin = trail.records[place], trail.readings[place], trail.origin[place]
    to = phone(trail, record.flow, lang)
    if origin is None:
        return _own(reading, None, to, lang)
    old = trail.readings[origin]
    if composed(old, reading):
        return _own(reading, old, to, lang)
    if reading.status:
        return _say("tell", lang, to=to, receiver=inflected(to, lang), act=act(trail, origin, lang))
    if reading.method == b"INVITE" and not reading.in_dialog:
        sent_on = len(reading.values(b"diversion")) > len(old.values(b"diversion"))
        return _say("INVITE.diverted" if sent_on else "INVITE.on", lang, to=to, receiver=inflected(to, lang))
    return _say("pass", lang, to=to, receiver=inflected(to, lang), act=act(trail, origin, lang))


def _own(reading: Reading, old: Reading | None, to: str, lang: Lang) -> str:
    if not reading.status:
        key = "own.ack" if reading.method == b"ACK" else "own.cancel"
        return _say(key, lang, to=to, receiver=inflected(to, lang))
    who = person(reading.first(b"to"))
    whom = who if old is None or old.status or not old.uri else person(old.uri)
    key = f"own.{reading.status}"
    if 200 <= reading.status < 300:
        method = reading.method.decode("ascii", "replace")
        key = f"own.{method}" + (".none" if method == "REGISTER" and not reading.first(b"contact") else "")
    elif reading.method == b"REGISTER":
        key = "own"
    return _say(
        key if key in table("summary") else "own", lang, to=to, user=who, whom=whom, status=status_of(reading)
    )  # fmt: skip


# -- words -----------------------------------------------------------------------------------------------------------


def _say(key: str, lang: Lang, **facts: str) -> str:
    return table("summary")[key].text(lang, **facts)


def _word(value: bytes) -> str:
    """What stands before the parameters of a value, in lower case."""
    return _shown(value.partition(b";")[0].strip().lower())


def _uri(value: bytes) -> str:
    return safe(spec(value).decode("utf-8", "replace"))


def _shown(value: bytes) -> str:
    return safe(value.decode("utf-8", "replace"), LONGEST_NAME)
