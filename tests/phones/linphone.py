"""Linphone on the console (Debian's linphone-cli), driven by what a person would type."""

from __future__ import annotations

import re
import signal
from pathlib import Path

from tests.phones.phone import Desk, Phone
from tests.waiting import eventually

# A phone on a LAN without name servers: one transport on a fixed port, an address that it need not guess.
RC = """\
[sip]
sip_port={udp}
sip_tcp_port={tcp}
sip_tls_port={tls}
root_ca={ca}
verify_server_certs=1
verify_server_cn=1
use_ipv6=0
default_proxy=0
guess_hostname=1
contact=sip:{user}@{address}
register_only_when_network_is_up=1
media_encryption={encryption}

[net]
mtu=1300
dns_srv_enabled=0

{account}
{codecs}
"""

ACCOUNT = """\
[proxy_0]
reg_proxy=<sip:{proxy};transport={transport}>
reg_route=<sip:{proxy};transport={transport};lr>
reg_identity=sip:{user}@{proxy}
reg_expires=300
reg_sendregister=1
publish=0
avpf={avpf}
nat_policy_ref=lab
"""

# What the settings of the app call ICE, and RTP and RTCP by one port.
WEBRTC = """\
[nat_policy_0]
ref=lab
protocols=ice

[rtp]
rtcp_mux=1

"""

LOGIN = """\

[auth_info_0]
username={user}
passwd={password}
"""

# What the camera of a phone would have read from the QR code on the page.
SCANNED = """\
[misc]
config-uri={scanned}
"""

# The voices are made for G.711; the phone's other codecs are put into the list only to be turned off.
OTHER_CODECS = (("opus", 48000, 2), ("speex", 16000, 1), ("speex", 8000, 1), ("PCMA", 8000, 1), ("G729", 8000, 1))

CAMERA = """\
[video]
enabled=1
capture=1
display=0
size=qcif
automatically_initiate={films}
automatically_accept=1
device=StaticImage: Static picture

[video_codec_0]
mime=VP8
rate=90000
enabled=1
"""


class Linphone(Phone):
    """`linphonec`. It prints what happens to each call under the number that it has given to it."""

    def __init__(
        self,
        desk: Desk,
        camera: bool = False,
        films_at_once: bool = False,
        scanned: bool | str = False,
        transport: str = "udp",
        webrtc: bool = False,
    ) -> None:
        """A phone with or without a `camera`; it `films_at_once` in the calls that it makes, or when it is told to.

        scanned: it knows nothing of the proxy but the address in the QR code: the usual one, or this. transport: which
        it speaks, of UDP, TCP and TLS. webrtc: its media are as a browser wants them.
        """
        super().__init__(desk)
        # The program neither makes its data folder nor its settings file, and does not run without them.
        (self.folder / ".local/share/linphone").mkdir(parents=True)
        codecs = [("PCMU", 8000, 1), *OTHER_CODECS]
        sections = "".join(
            f"[audio_codec_{n}]\nmime={name}\nrate={rate}\nchannels={channels}\nenabled={int(n == 0)}\n\n"
            for n, (name, rate, channels) in enumerate(codecs)
        )
        usual = f"http://{self.proxy}:8080/provision/{self.user}?transport={transport}"
        account = (SCANNED if scanned else ACCOUNT).format(
            user=self.user, proxy=self.proxy, transport=transport, scanned=usual if scanned is True else scanned,
            avpf=int(webrtc),
        )  # fmt: skip
        if desk.password:
            account += LOGIN.format(user=self.user, password=desk.password)
        ports = {name: 5060 if name == transport else 0 for name in ("udp", "tcp", "tls")}
        settings = RC.format(
            user=self.user,
            address=self.host.address,
            account=account,
            codecs=sections + (WEBRTC if webrtc else ""),
            encryption="dtls" if webrtc else "none",
            ca="" if scanned else desk.ca,
            **ports,
        )
        (self.folder / "rc").write_text(settings + (CAMERA.format(films=int(films_at_once)) if camera else ""))
        command = ["stdbuf", "-oL", "linphonec", "-c", "rc", "-d", "5", "-l", "log", *(["-C"] if camera else [])]
        self._program = self.host.start(command, self.folder, {"HOME": str(self.folder)}, self.folder / "screen")
        # Where in the output the last action and the last incoming call are.
        self._mark = 0
        self._rung = 0
        self._wait_prompt()
        if scanned:  # what it fetches makes it forget what was typed before
            self.wait_registered()
        self._type("soundcard use files")
        self._type(f"play {self.voice.file}")
        self._type(f"record {self.recording()}")

    def recording(self) -> Path:
        return self.folder / "heard.wav"

    def wait_registered(self) -> None:
        eventually(lambda: "registered, identity" in self._ask("status register"), f"{self.user} to register")

    def register(self) -> None:
        self._type(f"register {self.uri(self.user)} sip:{self.proxy}")
        self.wait_registered()

    def unregister(self) -> None:
        self._type("unregister")
        eventually(lambda: "registered=0" in self._ask("status register"), f"{self.user} to unregister")

    def call(self, user: str) -> None:
        self._type(f"call {self.uri(user)}")

    def wait_ringing(self) -> None:
        call = self._program.expect(r"Receiving new incoming call from .*assigned id \d+", self._rung)
        self._rung = call.end()

    def wait_ringback(self) -> None:
        self._expect(r"Call \d+ to .* ringing")

    def answer(self) -> None:
        self._type("answer")

    def decline(self) -> None:
        self._type("terminate")

    def wait_talking(self) -> None:
        self._expect(r"Call \d+ with .* connected")

    def hang_up(self) -> None:
        self._type("terminate")

    def wait_idle(self) -> None:
        eventually(lambda: "No active call" in self._ask("calls"), lambda: f"{self.user} to be idle")

    def hold(self) -> None:
        self._type("pause")
        self._expect(r"Call \d+ with .* is now paused")

    def resume(self) -> None:
        self._type("resume")
        self._expect(r"Media streams established with")

    def transfer(self, user: str) -> None:
        self._type(f"transfer {self.uri(user)}")

    def transfer_to_call(self, number: int, other: int) -> None:
        """Join the parties of our calls `number` and `other`, and leave (an attended transfer)."""
        self._type(f"transfer {number} --to-call {other}")

    def conference(self, *numbers: int) -> None:
        """Join our calls of these numbers in a conference that this phone mixes."""
        for number in numbers:
            self._type(f"conference add {number}")

    def camera_on(self) -> None:
        """Add video to the latest call."""
        self._type("camera on")

    def play(self, voice: Path) -> None:
        """Say something else from now on."""
        self._type(f"play {voice}")

    def send_message(self, user: str, text: str) -> None:
        self._type(f"chat {self.uri(user)} {text}")

    def wait_message(self, text: str) -> None:
        self._program.expect(re.escape(text))

    def stop(self) -> None:
        self._program.stop(signal.SIGKILL)

    def _type(self, line: str) -> None:
        self._mark = len(self._program.output)
        self._program.write(line)

    def _ask(self, question: str) -> str:
        """What the program prints after a question."""
        start = len(self._program.output)
        self._program.write(question)
        return self._program.expect(r"\n.*\n", start).string[start:]

    def _expect(self, pattern: str) -> None:
        self._program.expect(pattern, self._mark)

    def _wait_prompt(self) -> None:
        """The prompt has no newline and so never comes through the pipe: ask a question until it is answered."""
        eventually(lambda: "hook=" in self._ask("status hook"), f"the prompt of {self.user}")
