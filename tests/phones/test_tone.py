"""The listener itself: would it notice if the wrong voice came, or none?"""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from tests.phones.tone import RATE, Voice, read_wav

pytestmark = pytest.mark.phones


def test_each_voice_is_its_own(voices: Callable[[str], Voice]) -> None:
    """A voice is heard all the time in its own recording, and never in somebody else's."""
    people = [voices(name) for name in ("linda", "barry", "petra", "music")]
    for speaker in people:
        samples = read_wav(speaker.file)[: 5 * RATE]
        for voice in people:
            assert voice.seconds_in(samples) == (5.0 if voice is speaker else 0.0)


def test_two_voices_at_once(voices: Callable[[str], Voice]) -> None:
    """In a conference several voices are mixed; each is found, and nobody else's."""
    linda, barry, petra = (voices(name) for name in ("linda", "barry", "petra"))
    mixed = [one + other for one, other in zip(read_wav(linda.file), read_wav(barry.file), strict=True)][: 5 * RATE]
    assert linda.seconds_in(mixed) > 4.0
    assert barry.seconds_in(mixed) > 4.0
    assert petra.seconds_in(mixed) == 0.0


@pytest.mark.parametrize("loudness", [0, 20000])
def test_noise_is_no_voice(loudness: int, voices: Callable[[str], Voice]) -> None:
    """Neither silence nor noise is taken for anybody."""
    chance = random.Random(1)
    noise = [chance.randint(-loudness, loudness) for _ in range(5 * RATE)]
    assert voices("linda").seconds_in(noise) == 0.0
