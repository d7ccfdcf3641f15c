"""What the parts of the engine share: branches, tags, and the answers that are ours (RFC 3261 §8.2.6, §16.6 item 8)."""

from __future__ import annotations

import os

import pytest

from sipfullproxy.engine.config import Config
from sipfullproxy.engine.core import Core
from sipfullproxy.sip.errors import SipError
from sipfullproxy.sip.phrases import Phrasebook
from tests.helpers import PROXY, Lab


def core(address: tuple[str, int] = PROXY, worker: str = "0") -> Core:
    return Core(Config(address=address, flow_key=b"k", worker=worker), os.urandom)


def test_branches_are_unique_and_say_who_made_them() -> None:
    """With several processes on one port, a response that lands elsewhere is handed to its owner."""
    branches = {core(worker="w3").branch(b"0badcafe") for _ in range(100)}
    assert len(branches) == 100
    assert all(branch.startswith(b"z9hG4bKw3-") and branch.endswith(b".0badcafe") for branch in branches)


@pytest.mark.parametrize(
    ("address", "sent_by", "agent"),
    [
        (PROXY, (b"10.0.0.1", 5060), b"10.0.0.1:5060"),
        (("2001:db8::1", 5070), (b"[2001:db8::1]", 5070), b"[2001:db8::1]:5070"),
    ],
)
def test_how_we_call_ourselves(address: tuple[str, int], sent_by: tuple[bytes, int], agent: bytes) -> None:
    made = core(address)
    assert made.sent_by == sent_by
    assert made.warning(SipError(400, "No")) == (b"Warning", b'399 %b "No"' % agent)


def test_a_reason_stays_within_its_quotes() -> None:
    """§20.43: warn-text is a quoted-string."""
    _, value = core().warning(SipError(400, 'He said "\\o/"'))
    assert value == rb'399 10.0.0.1:5060 "He said \"\\o/\""'


def test_our_answers_speak_the_language_of_the_house() -> None:
    lab = Lab(phrases=Phrasebook(lang="sk", mode="own"))
    lab.registered("bob")
    stranger = lab.phone("zoe")
    stranger.invite("bob")
    refused = stranger.takes(403)
    assert refused.phrase == "Zakázané".encode()
    assert b"Register first" in (refused.first(b"warning") or b"")


@pytest.mark.parametrize(("breadth", "hears"), [("0", [100, 440, 440, 440]), ("x", [400])])
def test_a_stranger_who_has_heard_a_100_is_told_until_he_acknowledges(breadth: str, hears: list[int]) -> None:
    """He does not ask again (§17.1.1.2). Who has heard nothing does, and is told once each time (§26.3.2.4)."""
    lab = Lab(open=True)
    lab.registered("bob")
    stranger = lab.phone("zoe")
    stranger.invite("bob", headers=(f"Max-Breadth: {breadth}",))
    lab.advance(2)
    assert stranger.waiting == hears


def test_a_100_needs_no_tag_and_keeps_the_timestamp() -> None:
    """§8.2.6.1, §8.2.6.2."""
    lab = Lab()
    alice, bob = lab.registered("alice", "bob")
    alice.invite("bob", headers=("Timestamp: 54.2",))
    trying = alice.takes(100)
    assert trying.to_tag == b""
    assert trying.first(b"timestamp") == b"54.2"
    assert bob.takes("INVITE")


def test_every_other_answer_has_a_tag_of_its_own() -> None:
    lab = Lab()
    (alice,) = lab.registered("alice")
    tags = set()
    for _ in range(3):
        alice.request("OPTIONS", "sip:10.0.0.1")
        tags.add(alice.takes(200).to_tag)
    assert len(tags) == 3
    assert all(tag.startswith(b"sfp-") for tag in tags)
