"""baresip (Debian's baresip-core), driven through its control port."""

from __future__ import annotations

import contextlib
import json
import re
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.phones.phone import Desk, Phone
from tests.waiting import eventually

# The validity of a registration, in seconds.
EXPIRES = 300

CONTROL = ("127.0.0.1", 4444)

CONFIG = """\
sip_listen {address}:5060
{tls}
net_interface eth0
audio_source aufile,{voice}
audio_player aubridge,out
audio_alert aubridge,alert
ausrc_srate 8000
auplay_srate 8000
video_source fakevideo,nil
video_display fakevideo,nil
ctrl_tcp_listen {control}
snd_path {folder}
module_path /usr/lib/baresip/modules
module stdio.so
module g711.so
module aufile.so
module aubridge.so
module sndfile.so
{video}
{webrtc}
module_tmp uuid.so
module_tmp account.so
module_app contact.so
module_app debug_cmd.so
module_app menu.so
module_app ctrl_tcp.so
"""

# A file that is not there would end the program. Version 1.0 knows no such check, and takes any certificate.
TLS = "sip_cafile {ca}\nsip_verify_server yes"
WEBRTC = "module srtp.so\nmodule dtls_srtp.so\nmodule stun.so\nmodule ice.so\nrtcp_mux yes"
VIDEO = "module fakevideo.so\nmodule vp8.so"
ACCOUNT = "<sip:{user}@{proxy};transport={transport}>;regint={expires};answermode=manual;audio_codecs=pcmu"


class Baresip(Phone):
    """`baresip`. Its events come as netstrings of JSON; the fakevideo module is its camera."""

    def __init__(self, desk: Desk, camera: bool = False, transport: str = "udp", webrtc: bool = False) -> None:
        """A phone with or without a `camera`. transport: which it speaks, of UDP, TCP and TLS. webrtc: its media are as
        a browser wants them.
        """
        super().__init__(desk)
        control = f"{CONTROL[0]}:{CONTROL[1]}"
        config = CONFIG.format(
            address=self.host.address,
            tls=TLS.format(ca=desk.ca) if transport == "tls" else "",
            voice=self.voice.file,
            control=control,
            folder=self.folder,
            video=VIDEO if camera else "",
            webrtc=WEBRTC if webrtc else "",
        )
        (self.folder / "config").write_text(config)
        self._account = ACCOUNT.format(user=self.user, proxy=self.proxy, expires=EXPIRES, transport=transport)
        if webrtc:
            self._account += ";mediaenc=dtls_srtp;medianat=ice"
        if desk.password:
            self._account += f";auth_pass={desk.password}"
        (self.folder / "accounts").write_text(self._account + "\n")
        people = "".join(f"<{self.uri(user)}>\n" for user in self.contacts)
        (self.folder / "contacts").write_text(people)
        self._program = self.host.start(["baresip", "-f", "."], self.folder, log=self.folder / "screen")
        eventually(self._connect, f"the control port of {self.user}")
        self._received = b""
        self._told: list[dict[str, Any]] = []
        self._mark = 0
        self._rung = 0

    def recording(self) -> Path:
        """The newest of the dumps: the phone makes a pair of them for each call, what it plays is in `…-dec.wav`."""
        dumps = sorted(self.folder.glob("dump-*-dec.wav"))
        return dumps[-1] if dumps else self.folder / "no call yet"

    def wait_registered(self) -> None:
        eventually(lambda: "OK" in self._do("reginfo"), f"{self.user} to register")

    def register(self) -> None:
        self._do("uanew", self._account)
        self.wait_registered()

    def unregister(self) -> None:
        # The program has no word for it; but it unregisters an account that is deleted.
        self._do("uadel", self.uri(self.user))

    def call(self, user: str) -> None:
        self._do("dial", self.uri(user))

    def wait_ringing(self) -> None:
        self._rung = self._event(self._rung, "CALL_INCOMING")

    def wait_ringback(self) -> None:
        self._event(self._mark, "CALL_RINGING")

    def answer(self) -> None:
        self._do("accept")

    def decline(self) -> None:
        self._do("hangup")

    def wait_talking(self) -> None:
        self._event(self._mark, "CALL_ESTABLISHED")

    def hang_up(self) -> None:
        self._do("hangup")

    def wait_idle(self) -> None:
        eventually(lambda: "Active calls (0)" in self._do("listcalls"), lambda: f"{self.user} to be idle")

    def hold(self) -> None:
        self._do("hold")
        self._event(self._mark, "CALL_REMOTE_SDP", "answer")

    def resume(self) -> None:
        self._do("resume")
        self._event(self._mark, "CALL_REMOTE_SDP", "answer")

    def transfer(self, user: str) -> None:
        self._do("transfer", self.uri(user))

    def ask_options(self, uri: str) -> None:
        """Send an OPTIONS request."""
        self._do("options", uri)

    def send_message(self, user: str, text: str) -> None:
        # The phone writes to its current contact only, and leafs through the list of them: first up, then down.
        for leaf in ["contact_prev"] * len(self.contacts) + ["contact_next"] * len(self.contacts):
            if f">  <{self.uri(user)}>" in self._do("contacts"):
                break
            self._do(leaf)
        self._do("message", text)

    def wait_message(self, text: str) -> None:
        self._program.expect(re.escape(text))

    def stop(self) -> None:
        self._control.close()
        self._program.stop(signal.SIGKILL)

    def _connect(self) -> bool:
        """Whether the phone listens on its control port already; then we are connected to it."""
        self._control = self.host.socket(socket.AF_INET, socket.SOCK_STREAM)
        if self._control.connect_ex(CONTROL):
            self._control.close()
            return False
        self._control.setblocking(False)
        return True

    def _do(self, command: str, parameters: str = "") -> str:
        """One command; returns what the phone has to say to it, when it is done."""
        self._mark = len(self._events())
        line = json.dumps({"command": command, "params": parameters, "token": str(self._mark)}).encode()
        self._control.sendall(b"%d:%s," % (len(line), line))
        index = self._find(self._mark, lambda event: "response" in event)
        answer = self._told[index]
        assert answer["ok"], f"{self.user} cannot {command} {parameters}: {answer}"
        return str(answer["data"])

    def _event(self, since: int, kind: str, parameter: str | None = None) -> int:
        """Wait for an event of this type. The index behind it."""
        return 1 + self._find(
            since, lambda event: event.get("type") == kind and parameter in (None, event.get("param")), kind
        )

    def _find(self, since: int, fits: Callable[[dict[str, Any]], bool], what: str = "an answer") -> int:
        def look() -> list[int]:
            return [n for n, event in enumerate(self._events()) if n >= since and fits(event)]

        return eventually(look, lambda: f"{what} from {self.user}, who told {self._told[since:]}")[0]

    def _events(self) -> list[dict[str, Any]]:
        """All that the phone has told so far, events and answers; each is a netstring of JSON."""
        with contextlib.suppress(BlockingIOError):
            while piece := self._control.recv(65536):
                self._received += piece
        while match := re.match(rb"(\d+):", self._received):
            start, length = match.end(), int(match[1])
            if len(self._received) <= start + length:
                break
            self._told.append(json.loads(self._received[start : start + length]))
            self._received = self._received[start + length + 1 :]
        return self._told
