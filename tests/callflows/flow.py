"""Call flows as RFCs draw them: files with a line for each message.

A flow is a TOML file: `flow`, its name in the RFC; `settings`, the proxy's settings file, where it needs one; `phones`,
what is special about a phone (its `user`, which `proxy` is its home, whether it is `registered`); and the `ladder`, a
line for each message that a phone sends or takes, in the order of time:

    alice -> bob    INVITE sdp
    proxy -> alice  100
    bob -> proxy    486
    proxy -> bob    ACK
    proxy -> carol  INVITE
    carol -> alice  200 INVITE sdp=sendonly
        Server: a phone

What goes from phone to phone passes the proxies between them; what comes from or goes to `proxy` ends there. An INVITE
of the proxy is the last one that somebody has sent, on its way to somebody else. A response answers the last request
that is still open, of that method if it names one. A request belongs to the last dialog of the two, and opens one where
they have none; `#name` names another. `to=bob`: who is dialled, if not the one who gets it. `contact`: the other one's
phone is asked for by its Contact.

Headers are indented (`no Contact`: there must be none); lines of a body begin with `|`. In both, `{proxy}`, `{bob.aor}`
and `{bob.contact}` are addresses; `{replaces alice-bob carol}` is what Replaces tells carol of that dialog, and
`{escaped alice-bob carol}` the same within a URI.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypedDict

PROXY = "proxy"


class Special(TypedDict, total=False):
    """What a file says about a phone.

    user: "bob" of a second phone of bob; same_as: of one that goes on with the dialogs of the first. proxy: its home, 1
    or 2. registered: False for none. q: how much it is preferred, "0.7".
    """

    user: str
    same_as: str
    proxy: int
    registered: bool
    q: str


@dataclass
class Line:
    """A message. number: from 0 on. what: a method or a status. words: what else stands in the line."""

    number: int
    sender: str
    receiver: str
    what: str
    words: list[str] = field(default_factory=list)
    headers: list[str] = field(default_factory=list)
    body: list[str] = field(default_factory=list)

    def word(self, name: str) -> str | None:
        """What stands behind `name=`; "" for `name` alone, None where it is not there."""
        found = (word.partition("=") for word in self.words)
        return next((value for key, _, value in found if key == name), None)

    @property
    def status(self) -> int:
        """Of a response; 0 of a request."""
        return int(self.what) if self.what.isdigit() else 0

    @property
    def dialog(self) -> str | None:
        """The name behind `#`."""
        return next((word[1:] for word in self.words if word.startswith("#")), None)

    @property
    def method(self) -> str | None:
        """Of a response: the method that it names."""
        return next((word for word in self.words if word.isupper()), None)


@dataclass
class Flow:
    """A flow as its file has it. phones: all of them, in the order in which they appear."""

    name: str
    settings: str
    phones: dict[str, Special]
    ladder: list[Line]

    @classmethod
    def read(cls, file: Path) -> Flow:
        """Read a file. Raises ValueError for a line that is none."""
        table = tomllib.loads(file.read_text(encoding="utf-8"))
        ladder = _ladder(table["ladder"])
        names = dict.fromkeys(name for line in ladder for name in (line.sender, line.receiver) if name != PROXY)
        special = table.get("phones", {})
        return cls(table["flow"], table.get("settings", ""), {name: special.get(name, {}) for name in names}, ladder)

    @property
    def proxies(self) -> int:
        """How many proxies it needs."""
        return max(special.get("proxy", 1) for special in self.phones.values())

    def begins(self, name: str) -> bool:
        """Whether a phone begins of its own accord, and not by taking a message."""
        return self._first(name).sender == name

    def waits_for(self, name: str) -> Line | None:
        """The message that must have arrived before a phone that begins of its own accord may do so."""
        earlier = self.ladder[: self._first(name).number] if self.begins(name) else []
        return next((line for line in reversed(earlier) if line.receiver != PROXY), None)

    def races(self) -> list[tuple[Line, Line]]:
        """Pairs of messages that may reach a phone in the other order too, because neither is a cause of the other.

        All goes through the proxies, which keep the order of what comes in, and whose own messages belong to the one
        before. So a second message stays behind the first if one phone sends both, or if its sender can only send it
        because the first has passed the proxy.
        """
        races = []
        known: dict[str, set[int]] = {name: set() for name in self.phones}
        sent: dict[str, set[int]] = {name: set() for name in self.phones}
        taken: dict[str, tuple[Line, int]] = {}
        passed = 0
        before: set[int] = set()
        for line in self.ladder:
            if line.sender != PROXY:
                cue = self.waits_for(line.sender) if line is self._first(line.sender) else None
                if cue is not None:
                    known[line.sender] |= known[cue.receiver]
                passed, before = line.number, known[line.sender] | sent[line.sender]
                sent[line.sender] |= {*before, passed}
            if line.receiver != PROXY:
                last = taken.get(line.receiver)
                if last is not None and last[1] not in {*before, passed}:
                    races.append((last[0], line))
                taken[line.receiver] = line, passed
                known[line.receiver] |= {*before, passed}
        return races

    def _first(self, name: str) -> Line:
        return next(line for line in self.ladder if name in (line.sender, line.receiver))


def _ladder(text: str) -> list[Line]:
    lines: list[Line] = []
    for raw in text.splitlines():
        stripped = raw.strip()
        if not stripped or stripped.startswith("#"):
            continue
        if not raw.startswith(" "):
            match = re.fullmatch(r"(\w+) -> (\w+) +(\w+)((?: +\S+)*)", stripped)
            if match is None:
                raise ValueError(f"no line of a ladder: {raw}")
            lines.append(Line(len(lines), match[1], match[2], match[3], match[4].split()))
        elif stripped.startswith("|"):
            lines[-1].body.append(stripped[1:].strip())
        else:
            lines[-1].headers.append(stripped)
    return lines
