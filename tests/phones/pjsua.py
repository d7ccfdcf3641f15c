"""pjsip as a phone (PyPI's pjsua2-python): the driver of the program in pjsua_phone.py."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path
from typing import Any

from tests.phones.phone import Desk, Phone
from tests.waiting import eventually

PROGRAM = Path(__file__).with_name("pjsua_phone.py")


class Pjsua(Phone):
    """The phone that does what the others cannot: any status code, PRACK, UPDATE, INFO, presence, a conference with its
    own voice in it.
    """

    def __init__(self, desk: Desk, reliable: bool = False, publish: bool = False, transport: str = "udp") -> None:
        """With `reliable` its calls ring reliably or not at all; with `publish` it sends its state to the proxy.

        transport: which it speaks, of UDP, TCP and TLS.
        """
        super().__init__(desk)
        settings = {
            "user": self.user,
            "proxy": self.proxy,
            "password": desk.password,
            "address": self.host.address,
            "voice": str(self.voice.file),
            "heard": str(self.recording()),
            "log": str(self.folder / "log"),
            "reliable": reliable,
            "publish": publish,
            "transport": transport,
            "ca": str(desk.ca),
        }
        command = [sys.executable, str(PROGRAM), json.dumps(settings)]
        self._program = self.host.start(command, self.folder, log=self.folder / "screen")
        # Where the events of the last action begin.
        self._mark = 0
        self._rung = 0
        self._event(0, event="ready")

    def recording(self) -> Path:
        return self.folder / "heard.wav"

    def wait_registered(self) -> None:
        self._event(0, event="registration", code=200)

    def register(self) -> None:
        self._do("register")
        self._event(self._mark, event="registration", code=200)

    def unregister(self) -> None:
        self._do("unregister")
        self._event(self._mark, event="registration", code=200, expires=0)

    def call(self, user: str) -> None:
        self._do("call", uri=self.uri(user))

    def wait_ringing(self) -> None:
        self._rung = self._event(self._rung, event="call", state="incoming")

    def wait_ringback(self) -> None:
        self._event(self._mark, event="call", state="early")

    def answer(self) -> None:
        self.respond(200)

    def respond(self, code: int) -> None:
        """Answer the call that rings with any status code."""
        self._do("answer", call=self._latest(), code=code)

    def redirect(self, user: str) -> None:
        """Send the caller to another user, with 302."""
        self._do("answer", call=self._latest(), code=302, contact=self.uri(user))

    def decline(self) -> None:
        self.respond(603)

    def wait_talking(self) -> None:
        self._event(self._mark, event="call", state="talking")

    def hang_up(self) -> None:
        self._do("hang_up", call=self._latest())

    def wait_idle(self) -> None:
        eventually(lambda: not self._calls(), lambda: f"{self.user} to be idle; said:\n{self._program.output[-2000:]}")

    def hold(self) -> None:
        self._do("hold", call=self._latest())
        self._event(self._mark, event="media", status="holding")

    def resume(self) -> None:
        self._do("resume", call=self._latest())
        self._event(self._mark, event="media", status="active")

    def transfer(self, user: str) -> None:
        self._do("transfer", call=self._latest(), uri=self.uri(user))

    def transfer_to_call(self, number: int, other: int) -> None:
        """Join the parties of our calls `number` and `other`, counted from 1, and leave (an attended transfer)."""
        self._do("transfer_to_call", call=number - 1, other=other - 1)

    def wait_transferred(self) -> None:
        """Wait for the news that the transfer went well; then the phone hangs up by itself."""
        self._event(self._mark, event="transfer", code=200)

    def conference(self) -> None:
        """Join all our calls; the phone says its own voice to everybody."""
        self._do("conference")

    def update(self) -> None:
        """Send an UPDATE within the latest call."""
        self._do("update", call=self._latest())

    def press(self, digits: str) -> None:
        """Press keys during a call; each travels as an INFO."""
        self._do("dtmf", call=self._latest(), digits=digits)

    def wait_pressed(self, digit: str) -> None:
        """Wait until the other side's key arrives."""
        self._event(0, event="dtmf", digit=digit, info=True)

    def send_message(self, user: str, text: str) -> None:
        self._do("message", uri=self.uri(user), text=text)

    def wait_message(self, text: str) -> None:
        self._event(0, event="message", text=text)

    def ask_options(self, uri: str) -> None:
        """Send an OPTIONS request."""
        self._do("options", uri=uri)

    def watch(self, user: str) -> None:
        """Subscribe to a user's presence."""
        self._do("watch", uri=self.uri(user))

    def show(self, note: str) -> None:
        """Be online with a note for the watchers."""
        self._do("show", online=True, note=note)

    def wait_presence(self, note: str) -> None:
        """Wait until a watched user shows this note."""
        self._event(0, event="presence", online=True, note=note)

    def stop(self) -> None:
        self._program.stop(signal.SIGKILL)

    def _do(self, verb: str, **details: object) -> None:
        """One command; returns when the library has taken it."""
        self._mark = len(self._events())
        self._program.write(json.dumps({"do": verb, **details}))
        outcome = eventually(
            lambda: [event for event in self._events()[self._mark :] if event["event"] in ("done", "failed")],
            lambda: f"{self.user} to {verb}; said:\n{self._program.output[-2000:]}",
        )[0]
        assert outcome["event"] == "done", f"{self.user} cannot {verb} {details}: {outcome['why']}"

    def _events(self) -> list[dict[str, Any]]:
        """All that the phone has told; a traceback on its screen is no event."""
        lines = self._program.output.split("\n")[:-1]
        return [json.loads(line) for line in lines if line.startswith("{")]

    def _event(self, since: int, **wanted: object) -> int:
        """Wait for an event with these details. The index behind it."""

        def look() -> int:
            for index, event in enumerate(self._events()):
                if index >= since and wanted.items() <= event.items():
                    return index + 1
            return 0

        return eventually(look, lambda: f"{self.user}: {wanted}; it said:\n{self._program.output[-2000:]}")

    def _calls(self) -> dict[int, str]:
        """The calls that are not over, with their states, oldest first."""
        calls: dict[int, str] = {}
        for event in self._events():
            if event["event"] == "call":
                if event["state"] == "over":
                    calls.pop(event["call"], None)
                else:
                    calls[event["call"]] = event["state"]
        return calls

    def _latest(self) -> int:
        return list(self._calls())[-1]
