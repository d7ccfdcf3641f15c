"""A phone on top of pjsip: a program of its own, because the library lives once in a process and may hang.

Usage: pjsua_phone.py SETTINGS, where SETTINGS is a JSON object with the fields of `Settings`. Commands come on stdin,
events go to stdout, one JSON object a line: {"do": "call", "uri": "sip:barry@10.77.0.1"} → {"event": "done"}, then
{"event": "call", "call": 0, "state": "early", "code": 180, "peer": …}.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pjsua2

# How long the library may sleep before the next look at stdin, in milliseconds.
TURN = 10

TRANSPORTS = {
    "udp": pjsua2.PJSIP_TRANSPORT_UDP,
    "tcp": pjsua2.PJSIP_TRANSPORT_TCP,
    "tls": pjsua2.PJSIP_TRANSPORT_TLS,
}
STATES = {
    pjsua2.PJSIP_INV_STATE_CALLING: "calling",
    pjsua2.PJSIP_INV_STATE_INCOMING: "incoming",
    pjsua2.PJSIP_INV_STATE_EARLY: "early",
    pjsua2.PJSIP_INV_STATE_CONNECTING: "connecting",
    pjsua2.PJSIP_INV_STATE_CONFIRMED: "talking",
    pjsua2.PJSIP_INV_STATE_DISCONNECTED: "over",
}
MEDIA = {
    pjsua2.PJSUA_CALL_MEDIA_NONE: "none",
    pjsua2.PJSUA_CALL_MEDIA_ACTIVE: "active",
    pjsua2.PJSUA_CALL_MEDIA_LOCAL_HOLD: "holding",
    pjsua2.PJSUA_CALL_MEDIA_REMOTE_HOLD: "held",
    pjsua2.PJSUA_CALL_MEDIA_ERROR: "error",
}


@dataclass(frozen=True)
class Settings:
    """What the phone is told at its start; `reliable` demands PRACK, `publish` makes it send PUBLISH with its state.

    transport: "udp", "tcp" or "tls"; for that last one, `ca` is the file with the CA that it believes.
    """

    user: str
    proxy: str
    password: str
    address: str
    voice: str
    heard: str
    log: str
    reliable: bool
    publish: bool
    transport: str
    ca: str

    @property
    def way(self) -> str:
        """The proxy's address as a URI, with the transport."""
        return f"sip:{self.proxy};transport={self.transport}"


def tell(event: str, **details: object) -> None:
    """One line for the test."""
    print(json.dumps({"event": event, **details}), flush=True)


class OneCall(pjsua2.Call):  # type: ignore[misc]  # the library comes without types
    """A call, joined with the phone's voice and its recorder as soon as it has sound."""

    def __init__(self, phone: Phone, number: int = pjsua2.PJSUA_INVALID_ID) -> None:
        super().__init__(phone.account, number)
        self.phone = phone

    def onCallState(self, prm: Any) -> None:
        info = self.getInfo()
        # pjsip's call objects must outlive their callbacks, and Python's collector must not find them dead.
        self.phone.calls[info.id] = self
        tell("call", call=info.id, state=STATES.get(info.state, ""), code=info.lastStatusCode, peer=info.remoteUri)
        if info.state == pjsua2.PJSIP_INV_STATE_DISCONNECTED:
            self.phone.over(info.id)

    def onCallMediaState(self, prm: Any) -> None:
        info = self.getInfo()
        for media in info.media:
            if media.type == pjsua2.PJMEDIA_TYPE_AUDIO:
                # Who is put on hold still hears: music.
                if media.status in (pjsua2.PJSUA_CALL_MEDIA_ACTIVE, pjsua2.PJSUA_CALL_MEDIA_REMOTE_HOLD):
                    sound = self.getAudioMedia(media.index)
                    self.phone.player.startTransmit(sound)
                    sound.startTransmit(self.phone.recorder)
                tell("media", call=info.id, status=MEDIA[media.status])

    def onCallTransferRequest(self, prm: Any) -> None:
        prm.newCall = self.phone.adopt(OneCall(self.phone))

    def onCallTransferStatus(self, prm: Any) -> None:
        tell("transfer", call=self.getId(), code=prm.statusCode, final=prm.finalNotify)
        if prm.finalNotify and prm.statusCode == 200:
            self.hangup(pjsua2.CallOpParam())

    def onCallReplaceRequest(self, prm: Any) -> None:
        prm.newCall = self.phone.adopt(OneCall(self.phone))

    def onCallRedirected(self, prm: Any) -> int:
        tell("redirected", call=self.getId(), target=prm.targetUri)
        return int(pjsua2.PJSIP_REDIRECT_ACCEPT)

    def onDtmfEvent(self, prm: Any) -> None:
        tell("dtmf", call=self.getId(), digit=prm.digit, info=prm.method == pjsua2.PJSUA_DTMF_METHOD_SIP_INFO)


class OneAccount(pjsua2.Account):  # type: ignore[misc]  # the library comes without types
    """The phone's only account."""

    def __init__(self, phone: Phone) -> None:
        super().__init__()
        self.phone = phone

    def onRegState(self, prm: Any) -> None:
        tell("registration", code=prm.code, expires=prm.expiration)

    def onIncomingCall(self, prm: Any) -> None:
        call = self.phone.adopt(OneCall(self.phone, prm.callId))
        self.phone.calls[prm.callId] = call
        tell("call", call=prm.callId, state="incoming", code=0, peer=call.getInfo().remoteUri)
        self.phone.answer(prm.callId, 180)

    def onInstantMessage(self, prm: Any) -> None:
        tell("message", sender=prm.fromUri, text=prm.msgBody)

    def onInstantMessageStatus(self, prm: Any) -> None:
        tell("message sent", code=prm.code)


class OneBuddy(pjsua2.Buddy):  # type: ignore[misc]  # the library comes without types
    """Somebody whom the phone writes to or watches."""

    def onBuddyState(self) -> None:
        info = self.getInfo()
        tell("presence", uri=info.uri, online=info.presStatus.status == pjsua2.PJSUA_BUDDY_STATUS_ONLINE,
             note=info.presStatus.statusText)  # fmt: skip


class Phone:
    """The library, one account, and what can be done with it: each public verb without an underscore is a command."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.calls: dict[int, OneCall] = {}
        self.buddies: dict[str, OneBuddy] = {}
        self._kept: list[OneCall] = []
        self._finished: list[int] = []
        self.endpoint = pjsua2.Endpoint()
        self.endpoint.libCreate()
        config = pjsua2.EpConfig()
        # No threads of the library: its callbacks come in `turn`, where Python is ready for them.
        config.uaConfig.threadCnt = 0
        config.uaConfig.mainThreadOnly = True
        config.logConfig.filename = settings.log
        config.logConfig.level = 5
        config.logConfig.consoleLevel = 0
        config.medConfig.clockRate = config.medConfig.sndClockRate = 8000
        config.medConfig.ecTailLen = 0
        config.medConfig.noVad = True
        self.endpoint.libInit(config)
        transport = pjsua2.TransportConfig()
        transport.port = 5060
        transport.boundAddress = settings.address
        transport.tlsConfig.CaListFile = settings.ca if settings.transport == "tls" else ""
        transport.tlsConfig.verifyServer = True
        self.endpoint.transportCreate(TRANSPORTS[settings.transport], transport)
        self.endpoint.libStart()
        self.endpoint.audDevManager().setNullDev()
        for codec in self.endpoint.codecEnum2():
            self.endpoint.codecSetPriority(codec.codecId, 255 if codec.codecId.startswith("PCMU/") else 0)
        self.player = pjsua2.AudioMediaPlayer()
        self.player.createPlayer(settings.voice)
        self.recorder = pjsua2.AudioMediaRecorder()
        self.recorder.createRecorder(settings.heard)
        self.account = OneAccount(self)
        self.account.create(self._account(settings))

    def _account(self, settings: Settings) -> Any:
        config = pjsua2.AccountConfig()
        config.idUri = f"sip:{settings.user}@{settings.proxy}"
        config.regConfig.registrarUri = settings.way
        config.regConfig.timeoutSec = 300
        config.sipConfig.proxies.append(f"{settings.way};lr")
        if settings.password:
            login = pjsua2.AuthCredInfo("digest", "*", settings.user, 0, settings.password)
            config.sipConfig.authCreds.append(login)
        # The Contact stays what the phone knows of itself, so that behind a NAT it is a private address.
        config.natConfig.contactRewriteUse = 0
        config.natConfig.viaRewriteUse = 0
        config.natConfig.sdpNatRewriteUse = 0
        config.callConfig.prackUse = (
            pjsua2.PJSUA_100REL_MANDATORY if settings.reliable else pjsua2.PJSUA_100REL_NOT_USED
        )
        config.presConfig.publishEnabled = settings.publish
        return config

    def turn(self) -> None:
        """Let the library work for a moment."""
        self.endpoint.libHandleEvents(TURN)
        for number in self._finished:
            self.calls.pop(number, None)
        self._finished.clear()

    def adopt(self, call: OneCall) -> OneCall:
        """Keep a reference to a call of which pjsip has only a pointer."""
        self._kept.append(call)
        return call

    def over(self, number: int) -> None:
        """Forget a call that has ended, once we are out of its callback."""
        self._finished.append(number)

    def register(self) -> None:
        self.account.setRegistration(True)

    def unregister(self) -> None:
        self.account.setRegistration(False)

    def call(self, uri: str) -> None:
        self.adopt(OneCall(self)).makeCall(uri, pjsua2.CallOpParam(True))

    def answer(self, call: int, code: int = 200, contact: str = "") -> None:
        """Answer a call with any status code; with `contact` the caller is sent there by a 3xx."""
        parameters = pjsua2.CallOpParam()
        parameters.statusCode = code
        if contact:
            header = pjsua2.SipHeader()
            header.hName, header.hValue = "Contact", f"<{contact}>"
            parameters.txOption.headers.append(header)
        self.calls[call].answer(parameters)

    def hang_up(self, call: int) -> None:
        self.calls[call].hangup(pjsua2.CallOpParam())

    def hold(self, call: int) -> None:
        self.calls[call].setHold(pjsua2.CallOpParam())

    def resume(self, call: int) -> None:
        parameters = pjsua2.CallOpParam(True)
        parameters.opt.flag = pjsua2.PJSUA_CALL_UNHOLD
        self.calls[call].reinvite(parameters)

    def update(self, call: int) -> None:
        """Send an UPDATE with an unchanged offer."""
        self.calls[call].update(pjsua2.CallOpParam(True))

    def dtmf(self, call: int, digits: str) -> None:
        """Press keys; they travel as INFO requests."""
        parameters = pjsua2.CallSendDtmfParam()
        parameters.method = pjsua2.PJSUA_DTMF_METHOD_SIP_INFO
        parameters.digits = digits
        self.calls[call].sendDtmf(parameters)

    def transfer(self, call: int, uri: str) -> None:
        self.calls[call].xfer(uri, pjsua2.CallOpParam())

    def transfer_to_call(self, call: int, other: int) -> None:
        self.calls[call].xferReplaces(self.calls[other], pjsua2.CallOpParam())

    def conference(self) -> None:
        """Let all the parties of our calls hear each other; they hear us already."""
        sounds = [call.getAudioMedia(-1) for call in self.calls.values()]
        for one in sounds:
            for other in sounds:
                if one is not other:
                    one.startTransmit(other)

    def message(self, uri: str, text: str) -> None:
        parameters = pjsua2.SendInstantMessageParam()
        parameters.content = text
        self._buddy(uri).sendInstantMessage(parameters)

    def options(self, uri: str) -> None:
        """Ask somebody what he can do."""
        parameters = pjsua2.SendRequestParam()
        parameters.method = "OPTIONS"
        parameters.txOption.targetUri = uri
        self.account.sendRequest(parameters)

    def watch(self, uri: str) -> None:
        """Subscribe to somebody's presence."""
        self._buddy(uri).subscribePresence(True)

    def show(self, online: bool, note: str) -> None:
        """Tell the watchers, and with `publish` the proxy, how we are."""
        status = pjsua2.PresenceStatus()
        status.status = pjsua2.PJSUA_BUDDY_STATUS_ONLINE if online else pjsua2.PJSUA_BUDDY_STATUS_OFFLINE
        status.activity = pjsua2.PJRPID_ACTIVITY_UNKNOWN
        status.note = note
        self.account.setOnlineStatus(status)

    def _buddy(self, uri: str) -> OneBuddy:
        if uri not in self.buddies:
            config = pjsua2.BuddyConfig()
            config.uri = uri
            config.subscribe = False
            self.buddies[uri] = OneBuddy()
            self.buddies[uri].create(self.account, config)
        return self.buddies[uri]


def main(settings: Settings) -> None:
    """Do what stdin says until it is closed."""
    phone = Phone(settings)
    tell("ready")
    os.set_blocking(sys.stdin.fileno(), False)
    pending = b""
    while True:
        phone.turn()
        try:
            piece = os.read(sys.stdin.fileno(), 65536)
        except BlockingIOError:
            continue
        if not piece:
            # The library's own farewell would unregister and hang up; a phone that is switched off does neither.
            os._exit(0)
        *lines, pending = (pending + piece).split(b"\n")
        for line in lines:
            command = json.loads(line)
            verb: Callable[..., None] = getattr(phone, command.pop("do"))
            try:
                verb(**command)
            except (pjsua2.Error, KeyError) as error:
                tell("failed", why=error.info() if isinstance(error, pjsua2.Error) else repr(error))
            else:
                tell("done")


if __name__ == "__main__":
    main(Settings(**json.loads(sys.argv[1])))
