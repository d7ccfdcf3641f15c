"""The ways between workers: nobody waits for a neighbour, and what is told once is not lost."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator

import pytest

from sipfullproxy.engine.flow import Flow
from sipfullproxy.engine.replica import Change, Went
from sipfullproxy.workers import neighbours
from sipfullproxy.workers.board import blank
from sipfullproxy.workers.neighbours import Neighbours, inbox
from sipfullproxy.workers.parcel import CHANGES, Changes, Lost, Message
from tests.helpers import PROXY

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="several workers are for Linux only")

FLOW = Flow("udp", PROXY, ("10.0.0.9", 5060))


@pytest.fixture
def three() -> Iterator[list[Neighbours]]:
    """Three workers."""
    pairs = [inbox() for _ in range(3)]
    with blank(3) as board:
        yield [
            Neighbours(me, board.fileno(), pairs[me][0], {to: pair[1] for to, pair in enumerate(pairs) if to != me})
            for me in range(3)
        ]
    for pair in pairs:
        for end in pair:
            end.close()


def test_a_message_goes_to_its_owner_alone(three: list[Neighbours]) -> None:
    first, second, third = three
    second.hand_over(0, FLOW, b"data")
    assert list(first.read()) == [Message(FLOW, b"data")]
    assert list(first.read()) == list(third.read()) == []


def test_a_change_goes_to_all_others_in_parcels_that_fit(three: list[Neighbours]) -> None:
    first, second, third = three
    changes: list[Change] = [Went(f"{number}", b"alice") for number in range(CHANGES + 1)]
    third.publish(changes)
    expected = [Changes(changes[:CHANGES]), Changes(changes[CHANGES:])]
    assert list(first.read()) == list(second.read()) == expected
    assert list(third.read()) == []


def test_what_one_says_comes_in_its_order_even_where_there_was_no_room(
    three: list[Neighbours], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, _ = three
    monkeypatch.setattr(neighbours, "WAITING", 5)
    number = 0
    while not second.lost:  # until the inbox is full, and then what may wait
        second.hand_over(0, FLOW, b"%d" % number)
        number += 1
    assert number > 100
    second.send(0, Lost(FLOW))
    second.hand_over(0, FLOW, b"too much")
    assert second.lost == 2
    heard = []
    while bunch := list(first.read()):
        heard += bunch
        second.flush()
    assert heard == [*(Message(FLOW, b"%d" % place) for place in range(number - 1)), Lost(FLOW)]


def test_one_look_takes_a_bounded_number(three: list[Neighbours]) -> None:
    first, second, _ = three
    for _ in range(neighbours.AT_ONCE + 1):
        second.send(0, Lost(FLOW))
    assert len(list(first.read())) == neighbours.AT_ONCE
    assert len(list(first.read())) == 1


def test_the_largest_datagram_fits(three: list[Neighbours]) -> None:
    first, second, _ = three
    second.hand_over(0, FLOW, b"x" * 65_507)
    assert list(first.read()) == [Message(FLOW, b"x" * 65_507)]


def test_what_is_larger_than_an_inbox_is_lost_alone(three: list[Neighbours]) -> None:
    first, second, _ = three
    while not second._ways[0]._waiting:  # until the inbox is full, and one has to wait
        second.hand_over(0, FLOW, b"data" * 1_000)
    second.hand_over(0, FLOW, b"x" * (4 * neighbours.ROOM))
    second.send(0, Lost(FLOW))
    heard = []
    while bunch := list(first.read()):
        heard += bunch
        second.flush()
    assert heard[-1] == Lost(FLOW)
    assert second.lost == 1


def test_who_is_gone_holds_up_nobody() -> None:
    read, written = inbox()
    mine, other = inbox()
    with mine, other, written, blank(2) as board:
        alone = Neighbours(0, board.fileno(), mine, {1: written})
        read.close()
        alone.send(1, Lost(FLOW))
        alone.flush()
        assert alone.lost == 0 and alone.count == 2


def test_an_inbox_takes_more_than_the_ten_datagrams_of_a_socket_with_a_name() -> None:
    read, written = inbox()
    with read, written:
        written.setblocking(False)
        for _ in range(50):
            written.send(b"x" * 1000)
        assert written.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE) == socket.SOCK_DGRAM
