"""Pieces of a story that many tests tell: somebody calls, they talk, they hear each other."""

from __future__ import annotations

from itertools import permutations

from tests.phones import rtp
from tests.phones.phone import ENOUGH, Phone
from tests.phones.wire import Wire
from tests.waiting import eventually


def call(caller: Phone, callee: Phone) -> None:
    """The caller dials, the callee's phone rings, and the caller hears that it does."""
    caller.call(callee.user)
    callee.wait_ringing()
    caller.wait_ringback()


def call_and_answer(caller: Phone, callee: Phone) -> None:
    """A call that is answered."""
    call(caller, callee)
    callee.answer()
    caller.wait_talking()
    callee.wait_talking()


def hear_each_other(*people: Phone) -> None:
    """From now on, each of them hears every other one."""
    for one in people:
        one.listen_anew()
    for one, other in permutations(people, 2):
        one.wait_hearing(other.voice)


def all_idle(*people: Phone) -> None:
    """Nobody has a call any more."""
    for one in people:
        one.wait_idle()


def voices_pass(wire: Wire, *people: Phone) -> None:
    """From now on, the voice of each reaches every other one's socket.

    For the time after a re-INVITE, at which some phones stop to record; judged from the RTP packets on the wire.
    """
    wire.forget_media()
    for speaker, listener in permutations(people, 2):
        wait_voice(wire, speaker, listener)


def wait_voice(wire: Wire, speaker: Phone, listener: Phone) -> None:
    """Wait for the speaker's voice in the packets to the listener."""
    eventually(
        lambda: speaker.voice.seconds_in(rtp.voice(wire.media(speaker.address, listener.address))) >= ENOUGH,
        f"the voice of {speaker.user} on its way to {listener.user}",
    )
