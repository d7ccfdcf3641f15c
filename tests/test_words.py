"""The sentences of the journal, kind by kind."""

from __future__ import annotations

from typing import Any

import pytest

from sipfullproxy.engine.events import KINDS, Event, Experiment
from sipfullproxy.experiments import Experiments
from sipfullproxy.journal.words import HEADLINES, going_wrong, is_trouble, sentence


def event(kind: str, **fields: Any) -> Event:
    """An event of that kind between macek and macka, with these further fields."""
    common: dict[str, Any] = {"serial": 1, "time": 0.0}
    if "banned" not in kind:
        common["who"] = "macek@10.0.0.1"
    if "registered" not in kind and "banned" not in kind and kind != "rejected":
        common |= {"call": "c", "leg": "l", "whom": "macka@10.0.0.1"}
    return KINDS[kind](**common | fields)


def experiment(**wrongs: Any) -> Experiment:
    """The news of what goes wrong now."""
    right = {"drop": 0, "delay": 0, "stateless": False, "record_route": True, "fork": True}
    return Experiment(serial=1, time=0.0, **right | wrongs)


PHONE = {"address": "10.0.0.2:56666", "contact": "sip:macek@10.0.0.2"}
OVER = {"status": 0, "why": ""}

STORIES: list[tuple[Event, str, str]] = [
    (
        event("registered", **PHONE, agent="Linphone", expires=60),
        "Bol zaregistrovaný nový používateľ: macek@10.0.0.1 [Adresa: 10.0.0.2:56666]",
        "New user registered: macek@10.0.0.1 [Address: 10.0.0.2:56666]",
    ),
    (
        event("unregistered", **PHONE, why="request"),
        "Bol odhlásený používateľ: macek@10.0.0.1 [Adresa: 10.0.0.2:56666]",
        "User unregistered: macek@10.0.0.1 [Address: 10.0.0.2:56666]",
    ),
    (
        event("unregistered", **PHONE, why="expired"),
        "Bol odhlásený používateľ: macek@10.0.0.1 [Adresa: 10.0.0.2:56666] [Dôvod: registrácia vypršala]",
        "User unregistered: macek@10.0.0.1 [Address: 10.0.0.2:56666] [Reason: registration expired]",
    ),
    (
        event("unregistered", **PHONE, why="removed"),
        "Bol odhlásený používateľ: macek@10.0.0.1 [Adresa: 10.0.0.2:56666] [Dôvod: odhlásil ho správca proxy]",
        "User unregistered: macek@10.0.0.1 [Address: 10.0.0.2:56666] [Reason: removed by whoever runs the proxy]",
    ),
    (
        event("calling"),
        "Volanie macek@10.0.0.1 -> macka@10.0.0.1",
        "Calling macek@10.0.0.1 -> macka@10.0.0.1",
    ),
    (
        event("ringing"),
        "Zvonenie macek@10.0.0.1 -> macka@10.0.0.1",
        "Ringing macek@10.0.0.1 -> macka@10.0.0.1",
    ),
    (
        event("started", video=True),
        "Začiatok hovoru macek@10.0.0.1 -> macka@10.0.0.1",
        "Call started macek@10.0.0.1 -> macka@10.0.0.1",
    ),
    (
        event("video"),
        "Videohovor macek@10.0.0.1 -> macka@10.0.0.1",
        "Video call macek@10.0.0.1 -> macka@10.0.0.1",
    ),
    (
        event("held"),
        "Podržaný hovor macek@10.0.0.1 -> macka@10.0.0.1",
        "Call on hold macek@10.0.0.1 -> macka@10.0.0.1",
    ),
    (
        event("resumed"),
        "Obnovený hovor macek@10.0.0.1 -> macka@10.0.0.1",
        "Call resumed macek@10.0.0.1 -> macka@10.0.0.1",
    ),
    (
        event("transferred", to="zuza@10.0.0.1", succeeded=True, why="200 OK"),
        "Prepojenie hovoru macek@10.0.0.1 -> macka@10.0.0.1 [Na: zuza@10.0.0.1] [Výsledok: úspešné]",
        "Call transferred macek@10.0.0.1 -> macka@10.0.0.1 [To: zuza@10.0.0.1] [Result: succeeded]",
    ),
    (
        event("transferred", to="zuza@10.0.0.1", succeeded=False, why="486 Obsadené"),
        "Prepojenie hovoru macek@10.0.0.1 -> macka@10.0.0.1 [Na: zuza@10.0.0.1] [Výsledok: neúspešné] "
        "[Dôvod: 486 Obsadené]",
        "Call transferred macek@10.0.0.1 -> macka@10.0.0.1 [To: zuza@10.0.0.1] [Result: failed] "
        "[Reason: 486 Obsadené]",
    ),
    (
        event("transferred", to="zuza@10.0.0.1", succeeded=None, why=""),
        "Prepojenie hovoru macek@10.0.0.1 -> macka@10.0.0.1 [Na: zuza@10.0.0.1] [Výsledok: neznámy]",
        "Call transferred macek@10.0.0.1 -> macka@10.0.0.1 [To: zuza@10.0.0.1] [Result: unknown]",
    ),
    (
        event("forwarded", to="zuza@10.0.0.1", why="always"),
        "Presmerovanie hovoru macek@10.0.0.1 -> macka@10.0.0.1 [Na: zuza@10.0.0.1] [Dôvod: vždy]",
        "Call forwarded macek@10.0.0.1 -> macka@10.0.0.1 [To: zuza@10.0.0.1] [Reason: always]",
    ),
    (
        event("forwarded", to="zuza@10.0.0.1", why="busy"),
        "Presmerovanie hovoru macek@10.0.0.1 -> macka@10.0.0.1 [Na: zuza@10.0.0.1] [Dôvod: obsadené]",
        "Call forwarded macek@10.0.0.1 -> macka@10.0.0.1 [To: zuza@10.0.0.1] [Reason: busy]",
    ),
    (
        event("forwarded", to="zuza@10.0.0.1", why="no answer"),
        "Presmerovanie hovoru macek@10.0.0.1 -> macka@10.0.0.1 [Na: zuza@10.0.0.1] [Dôvod: nikto neodpovedal]",
        "Call forwarded macek@10.0.0.1 -> macka@10.0.0.1 [To: zuza@10.0.0.1] [Reason: no answer]",
    ),
    (
        event("forwarded", to="zuza@10.0.0.1", why="not registered"),
        "Presmerovanie hovoru macek@10.0.0.1 -> macka@10.0.0.1 [Na: zuza@10.0.0.1] [Dôvod: nie je prihlásený]",
        "Call forwarded macek@10.0.0.1 -> macka@10.0.0.1 [To: zuza@10.0.0.1] [Reason: not registered]",
    ),
    (
        event("forwarded", to="zuza@10.0.0.1", why="302"),
        "Presmerovanie hovoru macek@10.0.0.1 -> macka@10.0.0.1 [Na: zuza@10.0.0.1] [Dôvod: 302]",
        "Call forwarded macek@10.0.0.1 -> macka@10.0.0.1 [To: zuza@10.0.0.1] [Reason: 302]",
    ),
    (
        event("conference"),
        "Konferencia macek@10.0.0.1 -> macka@10.0.0.1",
        "Conference macek@10.0.0.1 -> macka@10.0.0.1",
    ),
    (
        event("declined", status=603, why="Decline"),
        "Zamietnutý hovor macek@10.0.0.1 -> macka@10.0.0.1",
        "Call declined macek@10.0.0.1 -> macka@10.0.0.1",
    ),
    (
        event("located", names="lab.sk → _sip._udp.lab.sk → a.lab.sk", address="192.0.2.1:5070", transport="udp"),
        "Cesta podľa DNS macek@10.0.0.1 -> macka@10.0.0.1 [Adresa: UDP 192.0.2.1:5070] "
        "[Mená: lab.sk → _sip._udp.lab.sk → a.lab.sk]",
        "Located by DNS macek@10.0.0.1 -> macka@10.0.0.1 [Address: UDP 192.0.2.1:5070] "
        "[Names: lab.sk → _sip._udp.lab.sk → a.lab.sk]",
    ),
    (
        event("busy", status=486, why="Busy Here"),
        "Obsadené macek@10.0.0.1 -> macka@10.0.0.1",
        "Busy macek@10.0.0.1 -> macka@10.0.0.1",
    ),
    (
        event("cancelled", **OVER),
        "Zrušený hovor macek@10.0.0.1 -> macka@10.0.0.1",
        "Call cancelled macek@10.0.0.1 -> macka@10.0.0.1",
    ),
    (
        event("missed", **OVER),
        "Zmeškaný hovor macek@10.0.0.1 -> macka@10.0.0.1",
        "Missed call macek@10.0.0.1 -> macka@10.0.0.1",
    ),
    (
        event("failed", status=404, why=""),
        "Neúspešný hovor macek@10.0.0.1 -> macka@10.0.0.1 [Dôvod: 404 Nenájdené]",
        "Call failed macek@10.0.0.1 -> macka@10.0.0.1 [Reason: 404 Not Found]",
    ),
    (
        event("failed", status=499, why=""),
        "Neúspešný hovor macek@10.0.0.1 -> macka@10.0.0.1 [Dôvod: 499]",
        "Call failed macek@10.0.0.1 -> macka@10.0.0.1 [Reason: 499]",
    ),
    (
        event("failed", status=500, why="Kaput"),
        "Neúspešný hovor macek@10.0.0.1 -> macka@10.0.0.1 [Dôvod: 500 Kaput]",
        "Call failed macek@10.0.0.1 -> macka@10.0.0.1 [Reason: 500 Kaput]",
    ),
    (
        event("failed", **OVER),
        "Neúspešný hovor macek@10.0.0.1 -> macka@10.0.0.1",
        "Call failed macek@10.0.0.1 -> macka@10.0.0.1",
    ),
    (
        event("ended", duration=4.6, why="bye"),
        "Koniec hovoru macek@10.0.0.1 -> macka@10.0.0.1 [Trvanie: 0:00:05]",
        "Call ended macek@10.0.0.1 -> macka@10.0.0.1 [Duration: 0:00:05]",
    ),
    (
        event("ended", duration=90_061.0, why="session timer"),
        "Koniec hovoru macek@10.0.0.1 -> macka@10.0.0.1 [Trvanie: 25:01:01] "
        "[Dôvod: telefóny prestali hovor obnovovať]",
        "Call ended macek@10.0.0.1 -> macka@10.0.0.1 [Duration: 25:01:01] "
        "[Reason: phones stopped refreshing the session]",
    ),
    (
        experiment(drop=20),
        "Experiment: zahadzuje sa 20 % správ",
        "Experiment: 20 % of all messages are dropped",
    ),
    (
        experiment(delay=300, stateless=True, record_route=False, fork=False),
        "Experiment: prijaté správy meškajú 300 ms, správy sa posielajú bez stavu (RFC 3261 §16.11), "
        "chýba Record-Route, zvoní len jeden telefón",
        "Experiment: received messages are 300 ms late, messages are forwarded statelessly (RFC 3261 §16.11), "
        "no Record-Route, only one phone rings",
    ),
    (
        experiment(),
        "Experiment: koniec, všetko ide podľa RFC 3261",
        "Experiment: over, all goes by RFC 3261 again",
    ),
    (
        event("rejected", address="10.0.0.2:56666"),
        "Neúspešné prihlásenie: macek@10.0.0.1 [Adresa: 10.0.0.2:56666]",
        "Login failed: macek@10.0.0.1 [Address: 10.0.0.2:56666]",
    ),
    (
        event("banned", address="10.0.0.2", seconds=240.0, why="logins", proved=True),
        "Zablokovaná adresa: 10.0.0.2 [Trvanie: 0:04:00] [Dôvod: nesprávne heslá]",
        "Address banned: 10.0.0.2 [Duration: 0:04:00] [Reason: wrong passwords]",
    ),
    (
        event("unbanned", address="2001:db8::/64"),
        "Odblokovaná adresa: 2001:db8::/64",
        "Ban lifted: 2001:db8::/64",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("happened", "slovak", "english"), STORIES)
def test_an_event_is_told_in_both_languages(happened: Event, slovak: str, english: str) -> None:
    assert sentence(happened) == slovak
    assert sentence(happened, "en") == english


def test_no_kind_of_event_is_without_words_and_none_without_a_story() -> None:
    assert list(HEADLINES) == list(KINDS)
    assert {happened.kind for happened, *_ in STORIES} == set(KINDS)


def test_only_what_went_wrong_is_trouble() -> None:
    assert [happened.kind for happened, *_ in STORIES if is_trouble(happened)] == [
        "transferred", "failed", "failed", "failed", "failed", "ended", "experiment", "experiment",
        "rejected", "banned",
    ]  # fmt: skip


def test_a_strangers_name_can_neither_forge_a_line_nor_fill_the_disk() -> None:
    evil = "x\n16:54:45:INFO:Začiatok hovoru a -> b\x1b[2J" + "a" * 60_000
    for kind in ("ringing", "registered"):
        fields = PHONE | {"address": evil, "agent": evil, "expires": 1} if kind == "registered" else {"whom": evil}
        line = sentence(event(kind, **fields | {"who": evil}))
        assert line.isprintable()
        assert len(line) < 400


def test_an_unknown_language_is_refused() -> None:
    with pytest.raises(ValueError):
        sentence(event("ringing"), "cz")


def test_what_goes_wrong_can_be_said_before_it_is_told() -> None:
    """For the greeting and the page."""
    assert going_wrong(Experiments()) == []
    assert going_wrong(Experiments(fork=False), "en") == ["only one phone rings"]
