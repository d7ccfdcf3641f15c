"""Voices with a mark: each phone says a steady tone of its own with speech on top, and the others listen for it.

Speech makes the codecs and the silence detectors work as they do with people; the tone tells us *whose* voice it is.
"""

from __future__ import annotations

import math
import struct
import subprocess
import wave
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

# Samples a second of everything here: that of G.711.
RATE = 8000

# One look of the listener, in samples: a fifth of a second, which makes Goertzel's filter 5 Hz narrow.
WINDOW = RATE // 5

# The length of a wav file's header with nothing special in it, and the most that a phone writes there, in bytes.
PLAIN_HEADER = 44
LONGEST_HEADER = 256

# The tone's amplitude as it is said, and the least that is heard as such; full scale is 32767.
LOUD = 6000
FAINT = 800

# It must be a tone and no loud noise: how far it must stand out from what is heard so many Hz beside it.
BESIDE = (-95, -55, 55, 95)
OUTSTANDING = 3.0

SPEECH = "Hello, this is a test call in a classroom. One, two, three, four, five. Can you hear me well?"


@dataclass(frozen=True)
class Voice:
    """What one user says: a wav file with speech on top of a steady `tone` in Hz."""

    tone: int
    file: Path

    @classmethod
    def make(cls, file: Path, tone: int, seconds: int = 60) -> Voice:
        """Write a voice into a new wav file: SPEECH over and over, on top of `tone`."""
        spoken = file.with_suffix(".speech.wav")
        subprocess.run(["espeak-ng", "-w", str(spoken), SPEECH], check=True, capture_output=True)
        say = [
            "sox",
            "-v",
            "0.5",
            str(spoken),
            "-r",
            str(RATE),
            "-c",
            "1",
            "-b",
            "16",
            "-e",
            "signed",
            "-t",
            "raw",
            "-",
        ]
        speech = read_samples(subprocess.run(say, check=True, capture_output=True).stdout)
        spoken.unlink()
        # A tone of whole hertz comes round in one second.
        sine = [int(LOUD * math.sin(2 * math.pi * tone * n / RATE)) for n in range(RATE)]
        samples = [max(-32768, min(32767, sine[n % RATE] + speech[n % len(speech)])) for n in range(seconds * RATE)]
        with wave.open(str(file), "wb") as wav:
            wav.setnchannels(1)
            wav.setsampwidth(2)
            wav.setframerate(RATE)
            wav.writeframes(struct.pack(f"<{len(samples)}h", *samples))
        return cls(tone, file)

    def seconds_in(self, samples: Sequence[int]) -> float:
        """For how long this voice's tone is heard in the samples, in seconds."""
        windows = [samples[start : start + WINDOW] for start in range(0, len(samples) - WINDOW + 1, WINDOW)]
        return sum(_has(self.tone, window) for window in windows) * WINDOW / RATE


def read_samples(raw: bytes) -> tuple[int, ...]:
    """Signed 16-bit little-endian samples."""
    return struct.unpack(f"<{len(raw) // 2}h", raw[: len(raw) // 2 * 2])


def read_wav(path: Path) -> tuple[int, ...]:
    """The samples of a mono recording while the phone is still writing it, or after it was killed.

    The header of such a file says that it is empty, or is all zeros as yet; so the lengths in it are not believed, and
    the samples are all the rest of the file.
    """
    raw = path.read_bytes() if path.exists() else b""
    mark = raw.find(b"data", 0, LONGEST_HEADER)
    return read_samples(raw[mark + 8 if mark >= 0 else PLAIN_HEADER :])


def amplitude(samples: Sequence[int], tone: float) -> float:
    """How strong `tone` (in Hz) is in the samples, as the amplitude of a sine, by Goertzel's algorithm."""
    coefficient = 2 * math.cos(2 * math.pi * tone / RATE)
    before = last = 0.0
    for sample in samples:
        before, last = last, sample + coefficient * last - before
    power = before * before + last * last - coefficient * before * last
    return 2 * math.sqrt(max(power, 0.0)) / len(samples)


def _has(tone: int, window: Sequence[int]) -> bool:
    strength = amplitude(window, tone)
    return strength > FAINT and all(strength > OUTSTANDING * amplitude(window, tone + off) for off in BESIDE)
