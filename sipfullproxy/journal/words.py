"""The sentence that tells an event to people, in Slovak and in English.

The words of the Slovak registration, ringing, call and video are those of the assignment that the journal is handed in
for; do not improve them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Protocol

from sipfullproxy.engine.events import (
    Banned,
    CallEvent,
    Ended,
    Event,
    Experiment,
    Failed,
    Forwarded,
    Located,
    Registered,
    Rejected,
    Transferred,
    Unbanned,
    Unregistered,
)
from sipfullproxy.journal.cards import CallCard
from sipfullproxy.journal.safe import safe
from sipfullproxy.lang import LANGS
from sipfullproxy.sip.phrases import PHRASES

HEADLINES: Final = {
    "registered": ("Bol zaregistrovaný nový používateľ", "New user registered"),
    "unregistered": ("Bol odhlásený používateľ", "User unregistered"),
    "calling": ("Volanie", "Calling"),
    "ringing": ("Zvonenie", "Ringing"),
    "started": ("Začiatok hovoru", "Call started"),
    "video": ("Videohovor", "Video call"),
    "held": ("Podržaný hovor", "Call on hold"),
    "resumed": ("Obnovený hovor", "Call resumed"),
    "transferred": ("Prepojenie hovoru", "Call transferred"),
    "forwarded": ("Presmerovanie hovoru", "Call forwarded"),
    "located": ("Cesta podľa DNS", "Located by DNS"),
    "conference": ("Konferencia", "Conference"),
    "declined": ("Zamietnutý hovor", "Call declined"),
    "busy": ("Obsadené", "Busy"),
    "cancelled": ("Zrušený hovor", "Call cancelled"),
    "missed": ("Zmeškaný hovor", "Missed call"),
    "failed": ("Neúspešný hovor", "Call failed"),
    "ended": ("Koniec hovoru", "Call ended"),
    "experiment": ("Experiment", "Experiment"),
    "rejected": ("Neúspešné prihlásenie", "Login failed"),
    "banned": ("Zablokovaná adresa", "Address banned"),
    "unbanned": ("Odblokovaná adresa", "Ban lifted"),
}
"""How the sentence of each kind of event begins; a column for each of LANGS."""

_LABELS: Final = {
    "address": ("Adresa", "Address"),
    "duration": ("Trvanie", "Duration"),
    "names": ("Mená", "Names"),
    "result": ("Výsledok", "Result"),
    "to": ("Na", "To"),
    "why": ("Dôvod", "Reason"),
}

STATES: Final = {
    "calling": ("vytáča sa", "calling"),
    "ringing": ("zvoní", "ringing"),
    "talking": ("prebieha", "talking"),
    "over": ("koniec neznámy", "end unknown"),
    "ended": ("skončený", "ended"),
    "declined": ("zamietnutý", "declined"),
    "busy": ("obsadené", "busy"),
    "cancelled": ("zrušený", "cancelled"),
    "missed": ("zmeškaný", "missed"),
    "failed": ("neúspešný", "failed"),
}
"""What a call is doing, or how it ended, in a word; a column for each of LANGS."""

_NOTELESS: Final = frozenset(("calling", "ringing", "started"))
"""Kinds of events of every call, told by who and whom alone; of trouble they do not tell, either."""

# The engine's own words for reasons and results. Empty: goes without saying, and is left out.
_TERMS: Final = {
    "bye": ("", ""),
    "request": ("", ""),
    "expired": ("registrácia vypršala", "registration expired"),
    "replaced": ("nahradená novou registráciou", "replaced by a new registration"),
    "lost": ("spojenie sa prerušilo", "connection lost"),
    "removed": ("odhlásil ho správca proxy", "removed by whoever runs the proxy"),
    "session timer": ("telefóny prestali hovor obnovovať", "phones stopped refreshing the session"),
    "always": ("vždy", "always"),
    "busy": ("obsadené", "busy"),
    "no answer": ("nikto neodpovedal", "no answer"),
    "not registered": ("nie je prihlásený", "not registered"),
    "logins": ("nesprávne heslá", "wrong passwords"),
    "refused": ("žiadosti, na ktoré nemá právo", "requests that it has no right to"),
    "asked": ("prihlasuje sa bez hesla", "logins without a password"),
    "junk": ("nie je to SIP", "this is no SIP"),
    "flood": ("priveľa správ", "too many messages"),
    "too old": ("hovor trval pridlho", "call lasted too long"),
    "succeeded": ("úspešné", "succeeded"),
    "failed": ("neúspešné", "failed"),
    "unknown": ("neznámy", "unknown"),
}


def sentence(event: Event, lang: str = "sk") -> str:
    """The event in one line of `lang` ("sk" or "en"): "Koniec hovoru a -> b [Trvanie: 0:00:05]".

    Safe to print: what strangers wrote is escaped and cut (see safe.py). Raises ValueError for an unknown language.
    """
    column = LANGS.index(lang)
    text = HEADLINES[event.kind][column]
    match event:
        case CallEvent():
            text = f"{text} {safe(event.who)} -> {safe(event.whom)}"
        case Registered() | Unregistered() | Rejected():
            text += f": {safe(event.who)}"
        case Banned() | Unbanned():
            text += f": {safe(event.address)}"
        case Experiment():
            text += ": " + (", ".join(going_wrong(event, lang)) or _ALL_RIGHT[column])
    if event.kind in _NOTELESS:
        return text
    for label, note in _notes(event, column):
        if note:
            text += f" [{_LABELS[label][column]}: {safe(note)}]"
    return text


class Wrongs(Protocol):
    """What may go wrong on purpose; see `engine.events.Experiment`."""

    @property
    def drop(self) -> int: ...
    @property
    def delay(self) -> int: ...
    @property
    def stateless(self) -> bool: ...
    @property
    def record_route(self) -> bool: ...
    @property
    def fork(self) -> bool: ...


def going_wrong(wrongs: Wrongs, lang: str = "sk") -> list[str]:
    """What goes wrong on purpose, in words of `lang` ("sk" or "en"): ["zahadzuje sa 20 % správ"].

    Empty while the proxy does its best. Raises ValueError for an unknown language.
    """
    column = LANGS.index(lang)
    facts = [
        (wrongs.drop, ("zahadzuje sa {} % správ", "{} % of all messages are dropped")),
        (wrongs.delay, ("prijaté správy meškajú {} ms", "received messages are {} ms late")),
        (
            wrongs.stateless,
            ("správy sa posielajú bez stavu (RFC 3261 §16.11)", "messages are forwarded statelessly (RFC 3261 §16.11)"),
        ),
        (not wrongs.record_route, ("chýba Record-Route", "no Record-Route")),
        (not wrongs.fork, ("zvoní len jeden telefón", "only one phone rings")),
    ]
    return [words[column].format(fact) for fact, words in facts if fact]


_ALL_RIGHT: Final = ("koniec, všetko ide podľa RFC 3261", "over, all goes by RFC 3261 again")


def state(card: CallCard, lang: str = "sk") -> str:
    """What a call is doing, or how it ended: "zvoní", "neúspešný 404"."""
    return f"{STATES[card.end or card.state][LANGS.index(lang)]} {card.status or ''}".rstrip()


def reason(why: str, lang: str = "sk") -> str:
    """What an event's `why` says, in words of `lang` ("sk" or "en"); an unknown one as it is."""
    return _term(why, LANGS.index(lang))


def is_trouble(event: Event) -> bool:
    """Whether somebody who looks for what went wrong should stop at this event."""
    match event:
        case Ended():
            return event.why != "bye"
        case _ if event.kind in _NOTELESS:
            return False
        case Failed() | Rejected() | Banned():
            return True
        case Transferred():
            return event.succeeded is False
        case Experiment():
            return bool(going_wrong(event))
    return False


def _notes(event: Event, column: int) -> Iterator[tuple[str, str]]:
    """What stands in brackets behind the sentence, as (label, note); an empty note is left out."""
    match event:
        case Ended():
            yield "duration", duration(event.duration)
            yield "why", _term(event.why, column)
        case Registered() | Rejected():
            yield "address", event.address
        case Banned():
            yield "duration", duration(event.seconds)
            yield "why", _term(event.why, column)
        case Unregistered():
            yield "address", event.address
            yield "why", _term(event.why, column)
        case Transferred():
            yield "to", event.to
            yield "result", _term({True: "succeeded", False: "failed", None: "unknown"}[event.succeeded], column)
            yield "why", event.why if event.succeeded is False else ""
        case Forwarded():
            yield "to", event.to
            yield "why", _term(event.why, column)
        case Located():
            yield "address", f"{event.transport.upper()} {event.address}"
            yield "names", event.names
        case Failed():
            yield "why", _failure(event.status, event.why, column)


def _term(word: str, column: int) -> str:
    """A word of the engine in the language of that column; an unknown one as it is."""
    return _TERMS[word][column] if word in _TERMS else word


def _failure(status: int, why: str, column: int) -> str:
    """The number, and the words of the wire or else ours: "404 Nenájdené"."""
    if not status:
        return why
    return f"{status} {why or PHRASES.get(status, ('', ''))[column]}".rstrip()


def duration(seconds: float) -> str:
    """Seconds as `h:mm:ss`, rounded; a call of many days keeps counting hours."""
    minutes, second = divmod(max(0, round(seconds)), 60)
    hour, minute = divmod(minutes, 60)
    return f"{hour}:{minute:02}:{second:02}"
