"""The cards: names that last, and phones as people see them."""

from __future__ import annotations

import pytest

from sipfullproxy.engine.registrar import Phone
from sipfullproxy.journal.cards import ENDS, CallCard, PhoneCard, fold, phone_card, short_id, user_of
from tests.telling import ALICES


def phone(user: str = "alice", contact: str = "sip:alice@10.0.0.10", instance: bytes = b"") -> Phone:
    return Phone(user.encode(), instance, f"{user}@lab", contact, "Linphone", ALICES, 10.0, 70.0)


def test_a_phone_for_people() -> None:
    card = phone_card(phone(), 1_000.0)
    assert card == PhoneCard(
        id=card.id, who="alice@lab", address="10.0.0.10:5060", transport="udp", contact="sip:alice@10.0.0.10",
        agent="Linphone", since=1_010.0, until=1_070.0,
    )  # fmt: skip


def test_each_phone_has_an_id_of_its_own_that_says_whose_it_is() -> None:
    phones = [phone(), phone(contact="sip:alice@10.0.0.11"), phone(instance=b"<urn:uuid:1> "), phone("žofia")]
    ids = [phone_card(each, 0).id for each in phones]
    assert len(set(ids)) == len(ids) and all(id.isascii() and id.replace("-", "").isalnum() for id in ids)
    assert [user_of(id) for id in ids] == [each.user for each in phones]
    assert phone_card(phone(), 5).id == ids[0]


@pytest.mark.parametrize("id", ["alice", "-", "zz-1", "616c6-1"])
def test_what_is_no_id_names_nobody_who_could_be_here(id: str) -> None:
    assert not user_of(id)


def test_short_ids_are_the_same_for_ever() -> None:
    """They stand in the database and in links."""
    assert short_id("call", "leg") == "8d249133e6"
    assert short_id("cal", "lleg") != short_id("call", "leg")
    assert len(short_id("\ud800")) == 10


@pytest.mark.parametrize(
    ("state", "end", "found"),
    [("talking", "", {"", "talking", "live"}), ("over", "busy", {"", "over", "busy"}), ("over", "", {"", "over"})],
)
def test_calls_are_chosen_by_state_or_end(state: str, end: str, found: set[str]) -> None:
    card = CallCard(id="i", call="c", leg="l", caller="a", callee="b", state=state, end=end, began=0, changed=0)
    choices = ("", "calling", "ringing", "talking", "over", "live", *ENDS)
    assert {choice for choice in choices if card.is_in(choice)} == found


@pytest.mark.parametrize(
    ("text", "folded"), [("Žltý KÔŇ", "zlty kon"), ("Straße", "strasse"), ("Alice@10", "alice@10")]
)
def test_folding(text: str, folded: str) -> None:
    assert fold(text) == folded
