"""What the two ends of a call agree on: video and hold, by offer and answer (RFC 3264, RFC 3261 §13.2.1).

Only watches. Says what changed, and leaves telling it to the call.
"""

from __future__ import annotations

from typing import Final
from zlib import crc32

from sipfullproxy.engine.events import CallEvent, Held, Resumed, Video
from sipfullproxy.sip.message import Message
from sipfullproxy.sip.sdp import Sdp, find_sdp, glance

CALLER: Final = "caller"
CALLEE: Final = "callee"
"""The two sides of a call: who sent its first INVITE, and who answered it."""

Change = tuple[type[CallEvent], str]
"""What changed, and the side that made it so."""


def other(side: str) -> str:
    """The other side."""
    return CALLEE if side == CALLER else CALLER


class Media:
    """The media of one call, as far as a journal is curious. video: whether both ends agreed on video."""

    __slots__ = ("_began", "_early", "_held_by", "_offer", "_one_way", "_said", "video")

    def __init__(self) -> None:
        self.video = False
        self._began = False
        self._one_way = ""
        self._held_by: tuple[str, ...] = ()
        self._early: tuple[bytes, Sdp] | None = None
        self._offer: tuple[str, Sdp, bool] | None = None
        self._said: dict[str, int] = {}

    def provisional(self, response: Message) -> None:
        """A 1xx to the first INVITE. Its answer counts when the 2xx of that phone brings none (RFC 3262 §5)."""
        answer = _read(response) if response.body else None
        if answer is not None:
            self._early = (response.to_tag, answer)

    def accepted(self, side: str, request: Message, response: Message) -> list[Change]:
        """An INVITE, re-INVITE or UPDATE of that side was accepted; once for each."""
        offer, answer = _read(request), _found(response)
        repeated = self._repeats(side, request), self._repeats(other(side), response)
        early, self._early = self._early, None
        self._offer = None
        if offer is None:
            if answer is not None:
                # It is the offer, and the answer comes with the ACK.
                self._offer = (other(side), glance(answer), repeated[1])
            return []
        if answer is not None:
            # Only of video is an answer asked, so one to an offer without any need not be read.
            return self._agree(side, offer, glance(answer) if offer.has_video else Sdp(), repeated[0])
        if early is not None and early[0] == response.to_tag:
            return self._agree(side, offer, early[1], repeated[0])
        return []

    def acknowledged(self, ack: Message) -> list[Change]:
        """An ACK of a 2xx; it counts where it answers the offer of that 2xx."""
        if self._offer is None:
            return []
        (side, offer, repeated), self._offer = self._offer, None
        self._repeats(other(side), ack)
        return self._agree(side, offer, _read(ack), repeated)

    def _agree(self, side: str, offer: Sdp, answer: Sdp | None, repeated: bool) -> list[Change]:
        if answer is None:
            return []
        began, self._began = self._began, True
        changes: list[Change] = []
        if not offer.on_hold:
            if side == self._one_way:
                self._one_way = ""
            if side in self._held_by:
                self._held_by = tuple(holder for holder in self._held_by if holder != side)
                changes.append((Resumed, side))
        elif not began or side == self._one_way:
            self._one_way = side  # it has never been otherwise: a music server, say
        elif side not in self._held_by and not repeated:
            # Who is held with "inactive" and only refreshes the session offers the same again, and holds nobody.
            self._held_by += (side,)
            changes.append((Held, side))
        if not self._held_by:
            # A hold may silence the video for a while; taking it back is no new video call.
            video = offer.has_video and answer.has_video
            if video and not self.video:
                changes.append((Video, side))
            self.video = video
        return changes

    def _repeats(self, side: str, message: Message) -> bool:
        """Whether that side says, to the letter and to the version of `o=`, what it said last (RFC 3264 §8)."""
        if not message.body:
            return False
        before, said = self._said.get(side), crc32(message.body)
        self._said[side] = said
        return before == said


def _found(message: Message) -> bytes | None:
    return find_sdp(message.first(b"content-type") or b"", message.body) if message.body else None


def _read(message: Message) -> Sdp | None:
    found = _found(message)
    return glance(found) if found is not None else None
