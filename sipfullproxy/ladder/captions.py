"""What stands at a step of the ladder: its title, the note below it, and the chapter of the call that it opens."""

from __future__ import annotations

import re
from typing import Final

from sipfullproxy.engine.timers import DURATION
from sipfullproxy.ladder.reading import Reading, readable
from sipfullproxy.lang import Lang, Words
from sipfullproxy.sip.sdp import SENDRECV, Sdp

HOLD: Final[Words] = {"sk": "podržanie", "en": "hold"}
RESUME: Final[Words] = {"sk": "pokračovanie", "en": "resume"}
VIDEO: Final[Words] = {"sk": "s videom", "en": "with video"}
TAKES_OVER: Final[Words] = {"sk": "preberá hovor", "en": "takes a call over"}
REFERRED: Final[Words] = {"sk": "na žiadosť {}", "en": "asked by {}"}

EVENTS: Final[dict[str, Words]] = {
    "refer": {"sk": "prepojenie", "en": "transfer"},
    "conference": {"sk": "konferencia", "en": "conference"},
    "presence": {"sk": "prítomnosť", "en": "presence"},
}
"""What a SUBSCRIBE or a NOTIFY is about, by its Event header; others are named as they are."""

PHASES: Final[dict[str, Words]] = {
    "rings": {"sk": "zvoní", "en": "rings"},
    "answered": {"sk": "hovor", "en": "talking"},
    "held": {"sk": "podržaný", "en": "on hold"},
    "referred": {"sk": "prepojenie", "en": "transfer"},
    "ended": {"sk": "koniec", "en": "ended"},
}
"""The chapters of a call. None names its beginning: the INVITE says enough."""

TIMER: Final[Words] = {"sk": "časovač {}", "en": "timer {}"}
TIMERS: Final[dict[str, Words]] = {
    "expires": {"sk": "platnosť vypršala", "en": "expired"},
    "lost": {"sk": "nedá sa doručiť", "en": "cannot be delivered"},
    "no answer": {"sk": "nikto nedvíha", "en": "nobody answers"},
    "9.1": {"sk": "zrušenie bez odpovede", "en": "cancelled, no answer"},
    "dns": {"sk": "DNS odpovedal", "en": "the DNS has answered"},
    "3263": {"sk": "server mlčí", "en": "server is silent"},
    "4320": {"sk": "telefón ešte mlčí", "en": "phone is still silent"},
}
"""Causes that are no message and no timer with a letter."""

_SIPFRAG: Final = re.compile(rb"\s*SIP/2\.0 ([1-6][0-9][0-9][^\r\n]*)", re.IGNORECASE)
_REASON: Final = re.compile(r"[^;]*+;\s*+cause=([0-9][0-9]*+)(?:.*?;\s*text=\"([^\"]*)\")?", re.IGNORECASE)
_WARNING: Final = re.compile(r"[0-9]{3} \S+ \"(.*)\"$")


class Captions:
    """Tells the steps of one ladder, one after the other: what a re-INVITE means depends on those before it."""

    def __init__(self, lang: Lang) -> None:
        self._lang: Lang = lang
        self._offers: dict[tuple[str, str, str], str] = {}
        self._held: dict[str, set[str]] = {}
        self._phases: dict[str, str] = {}

    def title(self, message: Reading) -> str:
        """What it is, in a few words: "180 Zvoní", "re-INVITE: hold", "NOTIFY 200 OK (transfer)"."""
        if message.status:
            asked = "" if message.method == "INVITE" else f" ({message.method})"
            return f"{message.status} {message.phrase}".rstrip() + asked
        match message.method:
            case "INVITE":
                return self._invite(message)
            case "REFER":
                return f"REFER → {message.user(b'refer-to')}"
            case "NOTIFY" | "SUBSCRIBE":
                return self._event(message)
        return message.method

    def note(self, message: Reading) -> str:
        """The one thing more that is worth a glance, or ""."""
        if message.status >= 300:
            warning = _WARNING.match(message.header(b"warning"))
            contact = message.user(b"contact") if message.status < 400 else ""
            return f"→ {contact}" if contact else warning[1] if warning else _reason(message)
        match message.method:
            case "INVITE" | "UPDATE" if not message.status:
                by = message.user(b"referred-by")
                parts = (message.target, REFERRED[self._lang].format(by) if by else "", _media(message.sdp, False))
                return " · ".join(part for part in parts if part)
            case "REGISTER" | "SUBSCRIBE" if not message.status:
                expires = message.header(b"expires")
                return f"{expires} s" if expires.isdigit() else ""
            case "MESSAGE" | "INFO":
                return message.header(b"content-type")
        return _media(message.sdp, True) or _reason(message)

    def phase(self, message: Reading, inward: bool) -> str:
        """The chapter that begins with it, or "" where the one goes on that there was."""
        new = self._next_phase(message, inward)
        if not new or self._phases.get(message.call, "") == new:
            return ""
        self._phases[message.call] = new
        return PHASES[new][self._lang]

    def timer(self, letter: str, waited: float | None) -> str:
        """The timer that made it go out. waited: seconds since the same went out before, if it did."""
        if letter in TIMERS:
            return TIMERS[letter][self._lang]
        seconds = DURATION.get(letter) if waited is None else waited
        named = TIMER[self._lang].format(readable(letter.encode("utf-8", "replace")))
        return named if seconds is None else f"{named}, {short(seconds, self._lang)}"

    def _invite(self, message: Reading) -> str:
        """The copies of one INVITE have one title; it is found at the first of them, and the offers are kept by it."""
        key = (message.call, message.leg, message.cseq)
        title = self._offers.get(key)
        if title is None:
            title = self._offers[key] = self._offer(message)
        return title

    def _offer(self, message: Reading) -> str:
        offer, holders = message.sdp, self._held.setdefault(message.call, set())
        video = offer is not None and offer.has_video
        if message.begins:
            if message.has(b"replaces"):
                return f"INVITE ({TAKES_OVER[self._lang]})"
            return f"INVITE {VIDEO[self._lang]}" if video else "INVITE"
        if offer is not None and offer.on_hold:
            holders.add(message.leg)
            return f"re-INVITE: {HOLD[self._lang]}"
        if offer is not None and message.leg in holders:
            holders.discard(message.leg)
            return f"re-INVITE: {RESUME[self._lang]}"
        return f"re-INVITE {VIDEO[self._lang]}" if video else "re-INVITE"

    def _event(self, message: Reading) -> str:
        event = message.header(b"event").partition(";")[0].strip().lower()
        about = EVENTS[event][self._lang] if event in EVENTS else event
        frag = _SIPFRAG.match(message.body) if event == "refer" else None
        said = f" {readable(frag[1].strip())}" if frag else ""
        return f"{message.method}{said} ({about})" if about else f"{message.method}{said}"

    def _next_phase(self, message: Reading, inward: bool) -> str:
        """The chapter in which a call is after this message; "" where the message says nothing of it."""
        now = self._phases.get(message.call, "")
        if not message.status:
            return {"BYE": "ended", "REFER": "referred"}.get(message.method, "")
        if message.method != "INVITE" or now in ("referred", "ended"):
            return ""
        if message.status < 200:
            return "rings" if message.status > 100 and not now else ""
        if message.status < 300:
            return "held" if self._held.get(message.call) else "answered"
        if self._offers.get((message.call, message.leg, message.cseq), "").endswith(HOLD[self._lang]):
            self._held[message.call].discard(message.leg)
        # What one phone of several says is not the end, and who is asked for a password calls again.
        return "ended" if not inward and now in ("", "rings") and message.status not in (401, 407) else ""


def short(seconds: float, lang: Lang) -> str:
    """A duration for people, to about two digits: "0.5 s", "32 s", "3 min 5 s"; Slovak writes a decimal comma."""
    if seconds >= 99.5:
        minutes, rest = divmod(round(seconds), 60)
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    digits = 2 if seconds < 0.095 else 1 if seconds < 9.95 else 0
    number = f"{seconds:.{digits}f}"
    if digits == 1:
        number = number.removesuffix(".0")
    return f"{number.replace('.', ',') if lang == 'sk' else number} s"


def since(seconds: float, lang: Lang) -> str:
    """A moment, counted from the first step: "0.080", "1:02.345"."""
    minutes, rest = divmod(max(0.0, seconds), 60)
    text = f"{int(minutes)}:{rest:06.3f}" if minutes else f"{rest:.3f}"
    return text.replace(".", ",") if lang == "sk" else text


def letter(call: int) -> str:
    """A, B … Z, AA …: how the calls of one ladder are told apart."""
    before, last = divmod(call, 26)
    return (letter(before - 1) if before else "") + chr(ord("A") + last)


def _media(session: Sdp | None, whither: bool) -> str:
    """Which media, in which direction if not in both; and whither they are to be sent."""
    active = [one for one in session.media if one.active] if session is not None else []
    if session is None or not active:
        return ""
    text = " + ".join(dict.fromkeys(readable(one.kind.encode()) for one in active))
    if whither:
        text += f" {readable((active[0].address or session.address).encode())}:{active[0].port}"
    return text if active[0].direction == SENDRECV else f"{text} ({active[0].direction})"


def _reason(message: Reading) -> str:
    """RFC 3326: the cause and the text of a Reason header."""
    found = _REASON.match(message.header(b"reason"))
    return f"{found[1]} {found[2] or ''}".rstrip() if found else ""
