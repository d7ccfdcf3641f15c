"""What every real phone of the suite can do, in the words of its user, whichever program it is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path

from tests.phones import tone
from tests.phones.lan import Host
from tests.waiting import eventually

# How much of a voice must be heard until it counts as heard, in seconds.
ENOUGH = 1.0


@dataclass(frozen=True)
class Desk:
    """Where a phone stands: its user with a voice, the users whom it knows, the host, the proxy's address, a folder,
    the user's password, where he has one, and the file with the CA that he believes."""

    user: str
    voice: tone.Voice
    contacts: tuple[str, ...]
    host: Host
    proxy: str
    folder: Path
    password: str = ""
    ca: Path = Path("none")


class Phone(ABC):
    """A running softphone of one user. Actions return at once; `wait_…` returns when it has happened.

    A phone may have several calls; actions without a number are meant for the latest one.
    """

    def __init__(self, desk: Desk) -> None:
        self.user = desk.user
        self.voice = desk.voice
        self.contacts = desk.contacts
        self.host = desk.host
        self.proxy = desk.proxy
        self.folder = desk.folder
        self._listening_from = 0

    @property
    def address(self) -> str:
        """The IP address that the others on the LAN see."""
        return self.host.outside

    def uri(self, user: str) -> str:
        """The public address of a user of this proxy."""
        return f"sip:{user}@{self.proxy}"

    def recorded(self) -> tuple[int, ...]:
        """All that the phone has played to its user in the latest call, as samples."""
        return tone.read_wav(self.recording())

    def listen_anew(self) -> None:
        """Forget what was heard until now."""
        self._listening_from = len(self.recorded())

    def heard(self, voice: tone.Voice) -> float:
        """For how long the user heard this voice since `listen_anew`, in seconds."""
        samples = self.recorded()
        # A phone that records each call into a new file starts from zero again.
        start = self._listening_from if self._listening_from <= len(samples) else 0
        return voice.seconds_in(samples[start:])

    def wait_hearing(self, voice: tone.Voice) -> None:
        """Wait until this voice is heard for a while."""
        eventually(
            lambda: self.heard(voice) >= ENOUGH,
            lambda: f"{self.user} to hear {voice.tone} Hz; heard {self.heard(voice):.1f} s of it",
        )

    @abstractmethod
    def recording(self) -> Path:
        """The file in which the phone keeps what its user hears."""

    @abstractmethod
    def wait_registered(self) -> None:
        """Wait until the registration that the phone sends at its start is accepted."""

    @abstractmethod
    def register(self) -> None:
        """Send a REGISTER (again) and wait until it is accepted."""

    @abstractmethod
    def unregister(self) -> None:
        """Take the registration back; it may be accepted a moment later."""

    @abstractmethod
    def call(self, user: str) -> None:
        """Dial a user of the proxy."""

    @abstractmethod
    def wait_ringing(self) -> None:
        """Wait for an incoming call."""

    @abstractmethod
    def wait_ringback(self) -> None:
        """Wait until the phone that we call rings."""

    @abstractmethod
    def answer(self) -> None:
        """Take the call that rings."""

    @abstractmethod
    def decline(self) -> None:
        """Refuse the call that rings, with the status code that this kind of phone has for it."""

    @abstractmethod
    def wait_talking(self) -> None:
        """Wait until the latest call is answered."""

    @abstractmethod
    def hang_up(self) -> None:
        """End the latest call, or give it up if nobody has answered yet."""

    @abstractmethod
    def wait_idle(self) -> None:
        """Wait until no call is left."""

    @abstractmethod
    def hold(self) -> None:
        """Put the latest call on hold and wait until the other phone has agreed."""

    @abstractmethod
    def resume(self) -> None:
        """Take the latest call off hold and wait until the other phone has agreed."""

    @abstractmethod
    def transfer(self, user: str) -> None:
        """Ask the other phone to call `user` instead of us (a blind transfer)."""

    @abstractmethod
    def send_message(self, user: str, text: str) -> None:
        """Send a text message outside of any call."""

    @abstractmethod
    def wait_message(self, text: str) -> None:
        """Wait until a text message with these words is shown."""

    @abstractmethod
    def stop(self) -> None:
        """Switch the phone off, with no farewell to anybody."""
