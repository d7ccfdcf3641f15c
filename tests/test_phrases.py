"""The phrases of responses: what the students saw in the lab, and what a phrase must never do."""

from __future__ import annotations

import pytest

from sipfullproxy.lang import LANGS
from sipfullproxy.sip.phrases import PHRASES, Phrasebook

# IANA, "Session Initiation Protocol (SIP) Parameters", table "Response Codes".
REGISTRY = {
    100, 180, 181, 182, 183, 199,
    200, 202, 204,
    300, 301, 302, 305, 380,
    *range(400, 409), 410, *range(412, 418), *range(420, 426), 428, 429, 430, 433, 436, 437, 438, 439, 440, 469, 470,
    *range(480, 490), 491, 493, 494,
    *range(500, 506), 513, 555, 580,
    600, 603, 604, 606, 607, 608,
}  # fmt: skip


def test_every_registered_status_has_a_phrase_in_both_languages() -> None:
    assert set(PHRASES) == REGISTRY
    assert len(REGISTRY) == 75
    assert all(len(row) == len(LANGS) and all(row) for row in PHRASES.values())


def test_no_two_statuses_of_one_language_are_told_apart_by_their_number_alone() -> None:
    slovak = [row[0] for row in PHRASES.values()]
    assert len(set(slovak)) == len(slovak)


@pytest.mark.parametrize(
    ("status", "phrase"),
    [
        (200, "Vybavené OK"),
        (400, "Zlá žiadosť"),
        (406, "Neprijateľné"),
        (480, "Momentálne som preč"),
        (486, "Obsadené"),
    ],
)
def test_the_phrases_of_the_lab_are_word_for_word_those_of_the_assignment(status: int, phrase: str) -> None:
    book = Phrasebook()
    assert book.own_response(status) == phrase.encode()
    assert book.relayed(status, b"whatever the phone said") == phrase.encode()


def test_every_phrase_that_we_ship_passes_the_check_that_we_ask_of_others() -> None:
    for column in range(len(LANGS)):
        Phrasebook(own={status: row[column] for status, row in PHRASES.items()})


def test_mode_all_translates_what_the_phones_say_too() -> None:
    book = Phrasebook("en", "all")
    assert book.own_response(486) == b"Busy Here"
    assert book.relayed(200, b"Ok") == b"OK"


def test_mode_own_leaves_the_phones_their_words() -> None:
    book = Phrasebook("sk", "own")
    assert book.own_response(404) == "Nenájdené".encode()
    assert book.relayed(404, b"Not here, sorry") == b"Not here, sorry"


def test_mode_off_speaks_plain_english_and_touches_nothing() -> None:
    book = Phrasebook("sk", "off", {404: "Fuč"})
    assert book.own_response(404) == b"Not Found"
    assert book.relayed(404, b"Nikde nic") == b"Nikde nic"


def test_a_phrase_of_ones_own_wins_over_the_language() -> None:
    book = Phrasebook(own={486: "Má 📞 v ruke", 299: "Skoro OK"})
    assert book.relayed(486, b"Busy Here") == "Má 📞 v ruke".encode()
    assert book.relayed(299, b"Miscellaneous") == b"Skoro OK"
    assert book.own_response(299) == b"Skoro OK"
    assert book.own_response(404) == "Nenájdené".encode()


def test_an_empty_phrase_is_a_phrase() -> None:
    book = Phrasebook(own={486: ""})
    assert book.own_response(486) == b""
    assert book.relayed(486, b"Busy Here") == b""


@pytest.mark.parametrize(("status", "like"), [(198, 100), (299, 200), (399, 300), (499, 400), (599, 500), (699, 600)])
def test_a_status_that_nobody_named_is_worded_like_its_class_but_relayed_as_it_came(status: int, like: int) -> None:
    book = Phrasebook()
    assert book.own_response(status) == book.own_response(like)
    assert book.relayed(status, b"\xff odd") == b"\xff odd"


@pytest.mark.parametrize(
    "phrase", ["a\r\nVia: evil", "a\nb", "a\tb", "\x1b[2J", "\x00", "a\x7f", "a\x85b", "a\u2028b", "\udc80"]
)
def test_a_phrase_that_would_break_its_line_is_refused(phrase: str) -> None:
    with pytest.raises(ValueError, match="the phrase for 486 holds"):
        Phrasebook(own={486: phrase})


@pytest.mark.parametrize("status", [-1, 0, 99, 700, 4040])
def test_a_phrase_for_what_is_no_status_is_refused(status: int) -> None:
    with pytest.raises(ValueError, match="100 to 699"):
        Phrasebook(own={status: "Ahoj"})


def test_an_unknown_language_or_mode_is_refused_with_the_known_ones_named() -> None:
    with pytest.raises(ValueError, match="sk, en"):
        Phrasebook("cz")
    with pytest.raises(ValueError, match="all, own, off"):
        Phrasebook(mode="some")


def test_a_phrasebook_says_what_it_is() -> None:
    assert repr(Phrasebook("en", "own")) == "Phrasebook('en', 'own')"
