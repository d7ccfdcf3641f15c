"""The tape: whole calls, found by Call-ID however it is spelled; bounded, and read while it is written."""

from __future__ import annotations

import gc
import threading
from time import thread_time

import pytest

from sipfullproxy.engine.flow import Flow, Send
from sipfullproxy.journal import tape as tapes
from sipfullproxy.journal.mailbox import Mailbox
from sipfullproxy.journal.passage import Passage
from sipfullproxy.journal.tape import Tape, call_id_of
from tests.helpers import Lab, call, hang_up
from tests.telling import ALICES, BOBS, message, passage


def timer(letter: str, *call_ids: str) -> Passage:
    return Passage(0.0, 0, None, None, [Send(BOBS, message(call_id), letter) for call_id in call_ids])


def bodies(tape: Tape, call_id: str) -> list[str]:
    return [record.data.decode().split("\r\n\r\n")[1] for record in tape.call(call_id)]


def test_what_came_in_is_the_cause_of_what_went_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tapes, "wall_offset", lambda: 1_000_000.0)
    tape = Tape()
    tape.number_from(10)
    tape([passage("a", "x", "y", time=5.0)])
    came, first, second = tape.call("a")
    assert came == (11, 1_000_005.0, True, ALICES, message("a"), 0, ())
    assert first == (12, 1_000_005.0, False, BOBS, message("a", "x"), 11, ("via-push",))
    assert (second.number, second.cause) == (13, 11)
    assert tape.version == 13


def test_what_a_timer_sends_is_filed_under_its_own_call() -> None:
    tape = Tape()
    tape([passage("a"), passage("b"), timer("A", "a", "b", "a")])
    assert [(record.number, record.cause) for record in tape.call("a")] == [(1, 0), (3, "A"), (5, "A")]
    assert [(record.number, record.cause) for record in tape.call("b")] == [(2, 0), (4, "A")]
    assert not any(record.inward for record in tape.call("a")[1:])


def test_a_whole_call_of_the_lab() -> None:
    lab = Lab()
    alice, bob = lab.registered("alice", "bob")
    tape, receive = Tape(), lab.engine.receive

    def recorded(data: bytes, flow: Flow, now: float, spare: bool = False) -> list[Send]:
        sends = receive(data, flow, now, spare)
        tape([Passage(now, lab.engine.serial, flow, data, sends)])
        return sends

    lab.engine.receive = recorded  # type: ignore[method-assign]
    invite, _ = call(alice, bob)
    hang_up(bob, alice)
    records = tape.call(invite.call_id.decode())
    assert [record.inward for record in records].count(True) == 6 and len(records) == 13
    numbers = {record.number: record for record in records}
    for record in records:
        assert record.inward or numbers[int(record.cause)].inward


@pytest.mark.parametrize(
    "line",
    [
        "Call-ID: x@y", "Call-ID:x@y", "Call-ID:  x@y  ", "i: x@y", "i:x@y", "call-id: x@y", "CALL-ID : x@y", "I: x@y",
        "Call-ID:\r\n x@y", "i:\r\n\t x@y \r\n ",
    ],
)  # fmt: skip
def test_a_call_id_is_found_however_it_is_spelled(line: str) -> None:
    data = f"BYE sip:b SIP/2.0\r\nVia: SIP/2.0/UDP h\r\n{line}\r\nTo: b\r\n\r\n".encode()
    assert call_id_of(data) == b"x@y"
    assert call_id_of(b"\r\n\r\n" + data) == b"x@y"


def test_a_call_id_in_the_body_is_somebody_elses() -> None:
    inner = "SIP/2.0 200 OK\r\nCall-ID: inner\r\ni: inner\r\n"
    outer = "NOTIFY sip:b SIP/2.0\r\nVia: SIP/2.0/UDP h\r\n{}\r\n\r\n" + inner
    assert call_id_of(outer.format("call-id: outer").encode()) == b"outer"
    assert call_id_of(outer.format("To: b").encode()) == b""


def test_letters_that_are_no_ascii_are_those_of_the_events() -> None:
    tape = Tape()
    tape([Passage(0.0, 1, ALICES, message("žltý"), [])])
    tape([Passage(0.0, 2, ALICES, message("x").replace(b"x", b"\xff\xfe"), [])])
    assert len(tape.call("žltý")) == 1
    assert len(tape.call("\ufffd\ufffd")) == 1, "as engine.outbox.text has it"


@pytest.mark.parametrize("junk", [b"junk", b"GET / HTTP/1.1\r\n\r\n", b"\0\xff\r\n", b"SIP/2.0 200 OK\r\n\r\n"])
def test_junk_is_kept_under_no_call(junk: bytes) -> None:
    tape = Tape()
    tape([Passage(0.0, 1, ALICES, junk, [])])
    assert [record.data for record in tape.call("")] == [junk]


def test_the_call_that_was_silent_longest_goes_first() -> None:
    tape = Tape()
    tape([passage("a"), passage("b"), passage("c")])
    small = Tape(limit=tape.size)
    small([passage("a"), passage("b"), passage("c"), passage("a")])
    assert not small.call("b"), "the one that was silent longest"
    assert len(small.call("a")) == 2 and len(small.call("c")) == 1
    small([passage("d")])
    assert not small.call("c") and len(small.call("a")) == 2 and small.call("d")


def test_it_never_takes_more_than_it_may() -> None:
    tape = Tape(limit=20_000)
    for number in range(500):
        tape([passage(f"call-{number % 50}-{number // 100}", "x" * (number % 700))])
        assert tape.size <= 20_000
    assert tape.version == 1_000
    assert len(tape.latest(1_000)) > 10


def test_a_call_has_a_largest_length_and_its_oldest_messages_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tapes, "CALL_MESSAGES", 100)
    tape = Tape()
    tape([passage("other")])
    for number in range(300):
        tape([passage("a", body=str(number))])
        assert len(tape.call("a")) <= 100
    kept = bodies(tape, "a")
    assert len(kept) >= 50
    assert kept == [str(number) for number in range(300 - len(kept), 300)]


def test_a_call_of_large_messages_drives_out_no_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tapes, "CALL_SIZE", 10_000)
    tape = Tape(limit=40_000)
    tape([passage("other")])
    for _ in range(100):
        tape([Passage(0.0, 1, ALICES, b"\0" * 3_000, [])])
        assert tape.size < 12_000
    assert tape.call("other") and tape.call("")


def test_a_message_larger_than_a_call_may_be_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tapes, "CALL_SIZE", 1_000)
    tape = Tape()
    tape([passage("a", body="x" * 5_000)])
    assert tape.call("a") == [] and tape.version == 1
    tape([passage("a")])
    assert len(tape.call("a")) == 1


def test_a_number_finds_its_call() -> None:
    tape = Tape()
    for name in "abcab":
        tape([passage(name)])
    assert [record.number for record in tape.around(2)] == [2, 5]
    assert tape.around(4) == tape.call("a")
    assert tape.around(6) == tape.around(0) == []


def test_the_latest_of_all_calls_in_order() -> None:
    tape = Tape()
    for name in "abcabcaa":
        tape([passage(name)])
    assert [record.number for record in tape.latest(3)] == [6, 7, 8]
    assert [record.number for record in tape.latest(100)] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert [record.number for record in tape.latest(100, after=6)] == [7, 8]
    assert tape.latest(100, after=8) == []


def test_which_calls_have_changed() -> None:
    tape = Tape()
    for name in "abc":
        tape([passage(name)])
    assert tape.changed(0) == ["c", "b", "a"]
    tape([passage("a")])
    assert tape.changed(2) == ["a", "c"]
    assert tape.changed(4) == []


def test_a_reader_gets_copies() -> None:
    tape = Tape()
    tape([passage("a")])
    tape.call("a").clear()
    assert len(tape.call("a")) == 1
    assert tape.call("nobody") == []


def test_readers_see_whole_passages_while_others_are_written() -> None:
    tape = Tape(limit=100_000)
    over = threading.Event()
    wrong: list[object] = []

    def read() -> None:
        while not over.is_set():
            for name in ("a", "b"):
                records = tape.call(name)
                causes = [record.cause or record.number for record in records]
                if causes[::2] != causes[1::2]:
                    wrong.append(records)
            numbers = [record.number for record in tape.latest(50)]
            if numbers != sorted(numbers):
                wrong.append(numbers)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for number in range(1_500):
        tape([passage("ab"[number % 2], "answer"), passage(f"other-{number}", "answer")])
    over.set()
    for reader in readers:
        reader.join()
    assert not wrong


def calls_of_the_lab(count: int) -> list[list[Passage]]:
    """That many calls of 6 messages in and 7 out, no byte of them shared."""
    found = []
    for number in range(count):
        name = f"call-{number:09}@10.0.0.10"
        answers = [("x" * 420,), (), ("x" * 420,), ("x" * 420, "x" * 420), ("x" * 420,), ("x" * 420, "x" * 420)]
        found.append([passage(name, *answer, time=number + 0.5, body="x" * 420) for answer in answers])
    return found


@pytest.mark.parametrize("messages", [1, 13, 700])
def test_it_counts_what_python_really_takes(messages: int) -> None:
    """The promise of a bound in bytes would be empty otherwise."""
    tracemalloc = pytest.importorskip("tracemalloc", reason="only CPython says what an object takes")
    tracemalloc.start()
    try:
        gc.collect()
        before = tracemalloc.get_traced_memory()[0]
        tape = Tape()
        for number in range(1_400 // messages):
            for place in range(messages):
                tape([passage(f"call-{number:09}@10.0.0.10", time=place + 0.5, body="x" * 420)])
        gc.collect()
        taken = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    # Beside what Python asks for there is what the allocator rounds up.
    assert 0.8 * tape.size < taken <= tape.size


@pytest.mark.soak
def test_what_recording_a_call_costs(capsys: pytest.CaptureFixture[str]) -> None:
    """On both threads, in microseconds: the guard's note and the tape's filing, into a full tape; the best of many."""
    tape = Tape(limit=16 << 20)
    mailbox: Mailbox[Passage] = Mailbox(tape, "tape", 1_000_000)
    noted, filed, count = [], [], 1_000
    for _ in range(20):
        passages = [passage for call in calls_of_the_lab(count) for passage in call]
        start = thread_time()
        for time, serial, flow, data, sends in passages:
            mailbox.put(Passage(time, serial, flow, data, sends))
        noted.append(thread_time() - start)
        bunches = [passages[at : at + 300] for at in range(0, len(passages), 300)]
        start = thread_time()
        for bunch in bunches:
            tape(bunch)
        filed.append(thread_time() - start)
    with capsys.disabled():
        print(f"\nnoted {min(noted) / count * 1e6:.1f} µs, filed {min(filed) / count * 1e6:.1f} µs a call")
    assert min(noted) + min(filed) < count * 30e-6


def test_the_last_number_of_a_call_is_known_without_its_messages() -> None:
    tape = Tape()
    tape([passage("a", "1"), passage("b")])
    assert (tape.last("a"), tape.last("b"), tape.last("c")) == (2, 3, 0)
