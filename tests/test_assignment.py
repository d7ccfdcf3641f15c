"""The points of the assignment: what a lesson showed is ticked with its evidence, and what it did not has a hint."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import pytest

from sipfullproxy.engine.diversion import Rule
from sipfullproxy.explain.assignment import EXTRA, MOST_EVIDENCE, REQUIRED, Point, lines, points, remembered, sheet
from sipfullproxy.explain.words import toml
from sipfullproxy.journal.archive import Archive
from sipfullproxy.journal.book import Book
from sipfullproxy.journal.past import Past
from sipfullproxy.journal.tape import Tape
from sipfullproxy.lang import LANGS
from sipfullproxy.sip.phrases import Phrasebook
from tests import test_flows
from tests.cards import phone_cards
from tests.helpers import Phone, call, hang_up, sdp
from tests.recording import RecordingLab
from tests.telling import event

Story = Callable[[RecordingLab, Phone, Phone, Phone], Any]


def lesson(*stories: Story, **settings: Any) -> dict[str, Point]:
    """What is ticked off after these stories, by key."""
    lab = RecordingLab(phrases=settings.pop("phrases", Phrasebook()), **settings)
    phones = [lab.phone(user) for user in ("alice", "bob", "carol")]
    for phone in phones:
        phone.register()
    for story in stories:
        story(lab, *phones)
    return {point.key: point for point in points(lab.events, lab.records, [], "en")}


def shown(ticked: dict[str, Point]) -> set[str]:
    return {key for key, point in ticked.items() if point.shown}


def talk(lab: RecordingLab, alice: Phone, bob: Phone, carol: Phone) -> None:
    call(alice, bob)
    lab.advance(12)
    hang_up(alice, bob)


def decline(lab: RecordingLab, alice: Phone, bob: Phone, carol: Phone) -> None:
    alice.invite("bob")
    bob.reply(bob.takes("INVITE"), 603, "Decline")


def video(lab: RecordingLab, alice: Phone, bob: Phone, carol: Phone) -> None:
    alice.invite("bob", body=sdp(alice.address[0], video=True))
    bob.answer(bob.takes("INVITE"), body=sdp(bob.address[0], video=True))


def test_nothing_was_shown_and_each_point_says_how_to_show_it() -> None:
    ticked = points([], [], [], "sk")
    assert [point.key for point in ticked] == [*REQUIRED, *EXTRA]
    assert all(not point.shown and point.hint and not point.evidence for point in ticked)
    assert [point.required for point in ticked] == [True] * len(REQUIRED) + [False] * len(EXTRA)


def test_an_ordinary_call_shows_most_of_what_is_required() -> None:
    ticked = lesson(talk)
    assert shown(ticked) == {"registered", "rang", "talked", "ended", "journal", "phrase"}
    assert ticked["registered"].evidence[0].endswith("alice@10.0.0.1 registered from 10.0.0.10:5060")
    assert ticked["talked"].evidence[1] == "  voice: 10.0.0.10:4000 (PCMU) ↔ 10.0.0.11:4000 (PCMU)"
    assert ticked["ended"].evidence[0].endswith("Call ended alice@10.0.0.1 -> bob@10.0.0.1 [Duration: 0:00:12]")
    assert [line.split(" ", 1)[1].split(" alice")[0] for line in ticked["journal"].evidence] == [
        "Ringing", "Call started", "Call ended",
    ]  # fmt: skip
    assert any(line.endswith("180 Ringing → 180 Zvoní") for line in ticked["phrase"].evidence)
    assert not any(point.hint for point in ticked.values() if point.shown)


def test_phrases_that_nobody_changed_are_not_shown() -> None:
    assert "phrase" not in shown(lesson(talk, phrases=Phrasebook(mode="off")))


def test_one_phone_alone_is_not_enough() -> None:
    lab = RecordingLab()
    alice, bob = lab.phone("alice"), lab.phone("bob")
    alice.register()
    assert not points(lab.events, [], [], "sk")[0].shown
    assert points(lab.events, [], phone_cards(alice, bob), "sk")[0].shown, "who stayed registered counts, too"


def test_who_registered_before_the_lesson_and_stayed_counts_where_nobody_can_be_asked() -> None:
    book = Book()
    phones = {name: {"who": f"{name}@lab", "contact": f"sip:{name}@10.0.0.9"} for name in ("alice", "bob", "carol")}
    book([event("registered", time, **phones[name]) for time, name in enumerate(phones, 100_000)])
    book([event("unregistered", 100_010.0, **phones["carol"]), event("ringing", 107_000.0)])
    archive = Archive(Tape(), book, Past(None))
    alone, known = (remembered(archive, 105_000.0, here, "en")[0] for here in (None, ()))
    assert (alone.shown, known.shown) == (True, False)
    assert [line.split()[1] for line in alone.evidence] == ["alice@lab", "bob@lab"], "carol has left"
    assert not remembered(archive, 100_000.0 + 86_400 + 60, None, "en")[0].shown, (
        "a day before the lesson is too long ago"
    )


def test_a_voice_that_cannot_arrive_is_told_beside_the_call() -> None:
    def deaf(lab: RecordingLab, alice: Phone, bob: Phone, carol: Phone) -> None:
        alice.invite("bob", body=sdp("10.0.0.10"))
        bob.answer(bob.takes("INVITE"), body=sdp("127.0.0.1"))

    assert any("mind: bob wants voice at 127.0.0.1:4000" in line for line in lesson(deaf)["talked"].evidence)


@pytest.mark.parametrize(
    ("story", "key"),
    [
        (decline, "refused"), (video, "video"), (test_flows.test_video_by_upgrade, "video"),
        (test_flows.test_cancel_while_ringing, "refused"), (test_flows.test_conference_of_three, "conference"),
        (test_flows.test_blind_transfer, "transfer"), (test_flows.test_attended_transfer, "transfer"),
    ],
)  # fmt: skip
def test_the_other_points(story: Any, key: str) -> None:
    wanted = inspect.signature(story).parameters

    def told(lab: RecordingLab, alice: Phone, bob: Phone, carol: Phone) -> None:
        lab.events.clear()
        given = {"lab": lab, "alice": alice, "bob": bob, "carol": carol}
        story(**{name: given[name] for name in wanted})

    assert not lesson(talk)[key].shown
    ticked = lesson(told, phrases=Phrasebook(mode="off"))
    assert ticked[key].shown and ticked[key].evidence


def test_a_transfer_shows_that_its_progress_was_delivered() -> None:
    lab = RecordingLab()
    phones = lab.registered("alice", "bob", "carol")
    test_flows.test_blind_transfer(lab, *phones)
    (transfer,) = [point for point in points(lab.events, lab.records, [], "en") if point.key == "transfer"]
    assert [line.partition("delivered: ")[2] for line in transfer.evidence[1:]] == ["100 Trying", "200 Ok"]


def test_a_forwarded_call_counts_when_it_is_answered() -> None:
    def forwarded(lab: RecordingLab, alice: Phone, bob: Phone, carol: Phone) -> None:
        alice.invite("bob")
        carol.answer(carol.takes("INVITE"))

    rules = {b"bob": Rule(always="carol")}
    assert lesson(forwarded, forward=rules)["transfer"].shown
    assert not lesson(lambda lab, alice, bob, carol: alice.invite("bob"), forward=rules)["transfer"].shown


def test_a_conference_of_two_is_none() -> None:
    def two(lab: RecordingLab, alice: Phone, bob: Phone, carol: Phone) -> None:
        alice.invite("bob")
        bob.reply(
            bob.takes("INVITE"), 200, body=sdp(), contact=False, headers=("Contact: <sip:b@10.0.0.11>;isfocus",)
        )  # fmt: skip

    assert not lesson(two)["conference"].shown


def test_evidence_has_an_end() -> None:
    ticked = lesson(*[talk] * 10)
    assert all(len(point.evidence) <= MOST_EVIDENCE for point in ticked.values())


# -- text and sheet --------------------------------------------------------------------------------------------------


def test_the_text_for_a_terminal() -> None:
    text = lines(list(lesson(talk).values()), "en")
    assert text[0] == "6 of 10 shown"
    assert "[x] Dialling, and ringing at the other end" in text and "[ ] Video call" in text
    assert "      How to show it: Allow video in both phones, and turn it on during a call." in text


class Reader(HTMLParser):
    """What a browser would see."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.text = ""
        self.tags: list[str] = []
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        assert not any(name.startswith("on") or name in ("src", "href") for name, _ in attrs)
        if tag not in ("meta", "link", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("lang", LANGS)
def test_the_sheet_stands_alone_and_is_well_formed(lang: Any) -> None:
    ticked = points([], [], [], lang)
    reader = Reader(page := sheet(ticked, lang, made=0.0, since=0.0, student="Ján Novák", proxy="sipfullproxy"))
    assert not reader.open and "script" not in reader.tags and "link" not in reader.tags
    assert page.startswith("<!DOCTYPE html>") and f'<html lang="{lang}">' in page and "@media print" in page
    assert "Ján Novák" in reader.text and "$" not in reader.text
    for point in ticked:
        assert point.title in reader.text and point.hint in reader.text


def test_nothing_that_a_phone_sends_runs_on_the_sheet() -> None:
    nasty = Point(
        key="rang", title="<script>alert(1)</script>", required=True, shown=True, hint="${title}",
        evidence=("<img src=x onerror=y>", '"&'),
    )  # fmt: skip
    reader = Reader(sheet([nasty], "sk", made=0.0, student="</dd><script>x</script>\x1b$title", proxy="<b>"))
    assert "script" not in reader.tags and "img" not in reader.tags and "b" not in reader.tags
    assert "<script>alert(1)</script>" in reader.text and "${title}" in reader.text and "\x1b" not in reader.text


def test_every_word_of_it_is_there_in_every_language() -> None:
    words = toml("words", "assignment")
    assert {*REQUIRED, *EXTRA} <= words.keys()
    for key, entry in words.items():
        assert all(entry[lang] for lang in LANGS), key
        assert (key in (*REQUIRED, *EXTRA)) == ("hint_sk" in entry and "hint_en" in entry), key
