"""A phone set up in one scan: the QR code holds an address, and what Linphone finds there are its settings.

Linphone asks with a bare GET (5.1 sends no `Accept`; others `X-Linphone-Provisioning: 1`) and wants an XML file of its
own kind; the keys are those of its configuration file. Without a login in it the address is no secret, and may be
opened as often as one likes; with one it works once (`links.py`).
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from typing import Final, NamedTuple
from xml.etree import ElementTree

import segno

from sipfullproxy.sip.host import endpoint, written

NAMESPACE: Final = "http://www.linphone.org/xsds/lpconfig.xsd"

USER: Final = r"[A-Za-z0-9_.+-]{1,64}"
"""Users that get a code: what everybody can type on a phone, and needs no escape in a URI, SIP's or the web's."""

TRANSPORTS: Final = ("udp", "tcp", "tls")
"""Those that Linphone speaks."""

SIP_PORT: Final = 5060
TLS_PORT: Final = 5061
"""The ports that phones take when none is typed (RFC 3261 §19.1.2)."""

# Seconds: an hour is what Linphone asks for by itself.
EXPIRES: Final = 3600

# Pixels of one module of the code, and the quiet zone around it in modules, which ISO/IEC 18004 wants.
SCALE: Final = 6
QUIET: Final = 4


class Way(NamedTuple):
    """How the phone shall come to us. transport: one of TRANSPORTS. checked: whether it is to make sure whom it speaks
    with: Linphone has a list of authorities of its own, and no setting that could be sent to it adds ours."""

    transport: str
    host: str
    port: int
    checked: bool = True


class Login(NamedTuple):
    """What a phone logs in with, in the place of a password. ha1: see `sip.digest.hash_of`."""

    realm: str
    algorithm: str
    ha1: str


def settings(
    user: str, host: str, port: int, way: Way | None = None, login: Login | None = None
) -> Mapping[str, Mapping[str, str]]:
    """What Linphone shall be told, by section and key: one account, on a LAN where nothing is in the way.

    host, port: what we are called. way: None, by UDP to there. login: None, the phone asks its owner.
    """
    domain = written(host).decode() if port == SIP_PORT else endpoint(host, port)
    transport, at, number, checked = way or Way("udp", host, port)
    proxy = f"sip:{endpoint(at, number)};transport={transport}"
    check = str(int(checked))
    known = {"auth_info_0": {"username": user, **login._asdict()}} if login is not None else {}
    return {
        "proxy_0": {
            "reg_identity": f"sip:{user}@{domain}",
            "reg_proxy": f"<{proxy}>",
            "reg_route": f"<{proxy};lr>",
            "reg_sendregister": "1",
            "reg_expires": str(EXPIRES),
            "push_notification_allowed": "0",  # nobody on a LAN could wake the phone from outside
            "publish": "0",
            "nat_policy_ref": "nat_policy_0",
        },
        "nat_policy_0": {"ref": "nat_policy_0", "protocols": ""},
        "sip": {
            "default_proxy": "0",
            "media_encryption": "none",
            "verify_server_certs": check,
            "verify_server_cn": check,
        },
        "video": {"automatically_accept": "1"},
        "misc": {"transient_provisioning": "1"},  # once; the phone is its owner's again
        **known,
    }


def xml(user: str, host: str, port: int, way: Way | None = None, login: Login | None = None) -> bytes:
    """The same as the file that Linphone fetches."""
    root = ElementTree.Element("config", {"xmlns": NAMESPACE})
    for name, entries in settings(user, host, port, way, login).items():
        section = ElementTree.SubElement(root, "section", {"name": name})
        for key, value in entries.items():
            ElementTree.SubElement(section, "entry", {"name": key, "overwrite": "true"}).text = value
    ElementTree.indent(root)
    written: bytes = ElementTree.tostring(root, "utf-8", xml_declaration=True)
    return written


def url(page: str, user: str, transport: str = "udp") -> str:
    """Where that file is. page: the page's address. Raises ValueError for a user who is not like USER."""
    if not re.fullmatch(USER, user):
        raise ValueError(user)
    return f"{page}/provision/{user}" + ("" if transport == "udp" else f"?transport={transport}")


def qr(address: str) -> bytes:
    """The QR code of an address, as SVG: black on white also where the page is dark, for a camera."""
    out = io.BytesIO()
    segno.make_qr(address).save(out, kind="svg", scale=SCALE, border=QUIET, dark="#000", light="#fff", svgclass=None,
                                lineclass=None)  # fmt: skip
    return out.getvalue()
