"""All that is played at both proxies: messages as files, and flows."""

from __future__ import annotations

import re
from functools import partial
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

from sipfullproxy.engine.registrar import uri_of
from sipfullproxy.sip.errors import SipError
from sipfullproxy.sip.headers.address import Address
from sipfullproxy.sip.message import Request, parse
from tests.helpers import Phone
from tests.kamailio.scenes import __path__ as flows
from tests.kamailio.scenes.acts import SCENES, Scene
from tests.kamailio.stage import Stage

VECTORS = Path(__file__).parent.parent / "vectors"
TORTURE = Path(__file__).parent.parent.parent.parent / "shared" / "torture"
"""RFC 4475 and RFC 5118: beside the project, and not ours to publish."""

_COOKIE = re.compile(rb"(branch\s*=\s*z9hG4bK[^\s;,]+)")


def inputs() -> dict[str, Scene]:
    """Every input by its name: `vector/spaces`, `torture/wsinv`, `flow/busy`."""
    found = {f"vector/{file.stem}": partial(vector, file) for file in sorted(VECTORS.glob("*.sip"))}
    found |= {f"torture/{file.stem}": partial(torture, file) for file in sorted(TORTURE.rglob("*.dat"))}
    for module in iter_modules(flows):
        import_module(f"tests.kamailio.scenes.{module.name}")
    return found | {f"flow/{name}": play for name, play in SCENES.items()}


def vector(file: Path, stage: Stage) -> None:
    """alice sends it, and bob is registered; he takes whatever reaches him."""
    alice, bob = stage.registered("alice", "bob")
    _send(stage, alice, bob, file.read_bytes())


def torture(file: Path, stage: Stage) -> None:
    """A registered phone sends it, and whomever its Request-URI names is registered; Route leads to a third phone."""
    data = file.read_bytes().replace(b"127.0.0.1:5080", b"10.0.0.12:5060")
    (sender,) = stage.registered("caller")
    user, registers = _user(data)
    callee = stage.phone(user) if registers else stage.registered(user)[0]
    stage.phone("elsewhere")
    _send(stage, sender, callee, data)


def _user(data: bytes) -> tuple[str, bool]:
    """Whom a message is about, and whether it registers him."""
    try:
        message = parse(data)
        if isinstance(message, Request):
            registers = message.method == b"REGISTER"
            user = uri_of(Address(message.first(b"to") or b"")).user if registers else message.uri.user
            return (user or b"user").decode(), registers
    except SipError:
        pass
    named = re.match(rb"\S+\s+<?sips?:([^@;>\s]+)@", data)
    return named[1].decode() if named else "user", False


def _send(stage: Stage, sender: Phone, callee: Phone, data: bytes) -> None:
    # Branches come twice in these files; a transaction of one message must not take another for its own.
    sender.send(_COOKIE.sub(rb"\1-%d" % stage.serial, data, count=1))
    for message in list(callee.inbox):
        if isinstance(message, Request) and message.method != b"ACK":
            # No 200 for a call: its dialog would want an ACK, and some of these messages lack what makes one.
            callee.reply(message, 486 if message.method == b"INVITE" else 200, body="v=0\r\n")
