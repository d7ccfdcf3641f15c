"""Hold and resume: re-INVITEs in the dialog, from either side of a call."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.phones import words
from tests.phones.linphone import Linphone
from tests.phones.phone import Phone
from tests.phones.proxy import Proxy
from tests.phones.stories import all_idle, call_and_answer, hear_each_other, voices_pass
from tests.phones.tone import Voice
from tests.phones.wire import Wire

pytestmark = pytest.mark.phones


@pytest.mark.parametrize(
    ("caller", "callee", "holder"),
    [
        ("linda", "petra", "petra"),
        ("barry", "linda", "barry"),
        ("petra", "barry", "petra"),
        ("petra", "barry", "barry"),
    ],
)
def test_hold_and_resume(
    caller: str, callee: str, holder: str, proxy: Proxy, wire: Wire, request: pytest.FixtureRequest
) -> None:
    """They talk, one of them holds the call and takes it back, they talk again."""
    one: Phone = request.getfixturevalue(caller)
    other: Phone = request.getfixturevalue(callee)
    active, held = (one, other) if holder == caller else (other, one)
    call_and_answer(one, other)
    hear_each_other(one, other)

    active.hold()
    wire.expect("INVITE", target=held.address, body="a=(sendonly|inactive)")
    wire.expect("SIP/2.0 200", target=active.address, cseq="INVITE", body="a=(recvonly|inactive)")
    proxy.journal.expect(words.HELD, active, held)

    active.resume()
    voices_pass(wire, one, other)
    proxy.journal.expect(words.RESUMED, active, held)

    held.hang_up()
    all_idle(one, other)
    proxy.journal.expect(words.ENDED, held, active)


def test_music_on_hold(linda: Linphone, petra: Phone, wire: Wire, voices: Callable[[str], Voice]) -> None:
    """Linphone plays music to the one who waits."""
    call_and_answer(linda, petra)
    hear_each_other(linda, petra)

    music = voices("music")
    linda.play(music.file)
    linda.hold()
    petra.wait_hearing(music)

    linda.play(linda.voice.file)
    linda.resume()
    voices_pass(wire, linda, petra)
    linda.hang_up()
    all_idle(linda, petra)
