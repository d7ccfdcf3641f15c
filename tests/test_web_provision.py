"""Phones set up in one scan: the code read back by somebody else's reader, the file by a parser."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree import ElementTree

import pytest

from sipfullproxy.web import provision
from tests.pages import SIP, Page, page

pytestmark = pytest.mark.io

XML = "{http://www.linphone.org/xsds/lpconfig.xsd}"


@pytest.fixture(scope="module")
def served() -> Iterator[Page]:
    with page() as opened:
        yield opened


def entries(document: bytes) -> dict[tuple[str, str], str]:
    """Section, key and value of each entry of a provisioning file; all must be told to replace what the phone has."""
    root = ElementTree.fromstring(document)
    assert root.tag == f"{XML}config"
    found = {}
    for section in root.findall(f"{XML}section"):
        for entry in section.findall(f"{XML}entry"):
            assert entry.attrib["overwrite"] == "true"
            found[section.attrib["name"], entry.attrib["name"]] = entry.text or ""
    return found


def pixels(svg: bytes) -> tuple[bytes, int]:
    """The picture that the SVG describes, a byte for each pixel, and the length of its side."""
    root = ElementTree.fromstring(svg)
    group = root[0]
    light, dark = group
    assert (light.attrib["fill"], dark.attrib["stroke"]) == ("#fff", "#000"), "black on white, also on a dark page"
    scale = int(group.attrib["transform"].removeprefix("scale(").removesuffix(")"))
    side = int(root.attrib["width"]) // scale
    modules = [bytearray(b"\xff" * side) for _ in range(side)]
    x, y = 0, 0.0
    for kind, numbers in re.findall(r"([Mmh])([-. \d]+)", dark.attrib["d"]):
        first, *rest = map(float, numbers.split())
        if kind == "h":
            modules[int(y)][x : x + int(first)] = bytes(int(first))
        x = int(first) if kind == "M" else x + int(first)
        y = (rest[0] if kind == "M" else y + rest[0]) if rest else y
    rows = [bytes(value for module in row for value in [module] * scale) for row in modules]
    return b"".join(row * scale for row in rows), side * scale


def read(svg: bytes) -> str:
    """What a camera reads in the QR code."""
    try:
        from pyzbar import pyzbar
    except ImportError:  # the wheel is there, and Debian's library is not
        if os.environ.get("CI") == "true":
            raise
        pytest.skip("the reader of QR codes is missing: install the package libzbar0")
    picture, side = pixels(svg)
    (found,) = pyzbar.decode((picture, side, side))
    return str(found.data.decode())


@pytest.mark.parametrize("user", ["bob", "a", "j.novak_2-x", "+421900123456", "x" * 64])
def test_the_code_leads_to_the_file_and_the_file_to_the_proxy(served: Page, user: str) -> None:
    query = f"user={user.replace('+', '%2B')}"
    url = served.ask(f"/api/provision?{query}").json["url"]
    answer = served.ask(f"/api/provision.svg?{query}")
    assert answer.headers["content-type"] == "image/svg+xml"
    assert read(answer.body) == url == f"http://{served.host}/provision/{user}"
    answer = served.ask(url.removeprefix(f"http://{served.host}"), x_linphone_provisioning="1")
    assert answer.headers["content-type"] == "application/xml"
    found = entries(answer.body)
    assert found["proxy_0", "reg_identity"] == f"sip:{user}@{SIP[0]}"
    assert found["proxy_0", "reg_proxy"] == f"<sip:{SIP[0]}:{SIP[1]};transport=udp>"


@dataclass(frozen=True)
class MadeUpAuthority:
    pem: bytes = b"as text"
    der: bytes = b"as bytes"
    fingerprint: str = "AB:CD"


@pytest.fixture(scope="module")
def secure() -> Iterator[Page]:
    """A page whose proxy listens on TLS, too, with a certificate that it has made."""
    with page(doors={"udp": SIP, "tcp": SIP, "tls": (SIP[0], 5061)}, ca=MadeUpAuthority()) as opened:
        yield opened


@pytest.mark.parametrize(("transport", "port"), [("tcp", SIP[1]), ("tls", 5061)])
def test_the_teacher_chooses_how_phones_come(secure: Page, transport: str, port: int) -> None:
    query = f"user=bob&transport={transport}"
    url = secure.ask(f"/api/provision?{query}").json["url"]
    assert read(secure.ask(f"/api/provision.svg?{query}").body) == url
    found = entries(secure.ask(url.removeprefix(f"http://{secure.host}")).body)
    assert found["proxy_0", "reg_identity"] == f"sip:bob@{SIP[0]}", "a user is the same on each"
    assert found["proxy_0", "reg_proxy"] == f"<sip:{SIP[0]}:{port};transport={transport}>"
    assert found["proxy_0", "reg_route"] == f"<sip:{SIP[0]}:{port};transport={transport};lr>"


def test_certificates_are_checked_but_where_the_phone_cannot_know_our_authority(secure: Page) -> None:
    def checks(page: Page, transport: str) -> set[str]:
        found = entries(page.ask(f"/provision/bob?transport={transport}").body)
        return {found["sip", "verify_server_certs"], found["sip", "verify_server_cn"]}

    assert [checks(secure, transport) for transport in ("udp", "tcp", "tls")] == [{"1"}, {"1"}, {"0"}]
    with page(doors={"udp": SIP, "tls": SIP}) as own:
        assert checks(own, "tls") == {"1"}, "the user's own certificate is one that phones believe"


@pytest.mark.parametrize("transport", ["tls", "sctp", "", "TCP"])
def test_what_is_not_listened_on_cannot_be_chosen(served: Page, transport: str) -> None:
    for path in ("/api/provision?user=bob&", "/api/provision.svg?user=bob&", "/provision/bob?"):
        answer = served.ask(f"{path}transport={transport}")
        assert answer.status == (404 if transport == "tls" else 422)
    assert served.ask("/provision/bob?transport=tls").json == {"error": "the proxy does not listen on TLS"}


def test_the_certificate_of_the_authority_is_there_for_phones_and_programs(secure: Page) -> None:
    answer = secure.ask("/ca.crt")
    assert (answer.headers["content-type"], answer.body) == ("application/x-x509-ca-cert", b"as bytes")
    answer = secure.ask("/ca.pem")
    assert (answer.headers["content-type"], answer.body) == ("application/pem-certificate-chain", b"as text")
    assert read(secure.ask("/api/ca.svg").body) == f"http://{secure.host}/ca.crt"
    about = secure.ask("/api/about").json
    assert (about["ca"], about["secure"], about["transports"]) == ("AB:CD", SIP[0], ["udp", "tcp", "tls"])


def test_without_an_authority_there_is_nothing_to_install(served: Page) -> None:
    for path in ("/ca.crt", "/ca.pem", "/api/ca.svg"):
        answer = served.ask(path)
        assert answer.status == 404
        assert "with --tls it makes one" in answer.json["error"]
    assert served.ask("/api/about").json["ca"] == ""


def test_the_file_says_what_a_lab_needs() -> None:
    found = entries(provision.xml("bob", "192.168.1.10", 5070))
    assert found["proxy_0", "reg_identity"] == "sip:bob@192.168.1.10:5070"
    assert found["proxy_0", "reg_sendregister"] == "1"
    assert found["proxy_0", "nat_policy_ref"] == found["nat_policy_0", "ref"]
    assert found["nat_policy_0", "protocols"] == "", "no STUN and no ICE: there is nobody to ask on a LAN"
    assert found["sip", "media_encryption"] == "none"
    assert found["sip", "default_proxy"] == "0"
    assert found["video", "automatically_accept"] == "1"
    assert found["misc", "transient_provisioning"] == "1"


@pytest.mark.parametrize("user", ["", "x" * 65, "a b", "<script>", "a@b", "a/b", "žofia", "a%00", 'a"b', "a;b", "a?b"])
def test_users_that_no_phone_could_be_set_up_for_are_refused(served: Page, user: str) -> None:
    quoted = "".join(f"%{byte:02x}" for byte in user.encode())
    assert served.ask(f"/api/provision?user={quoted}").status == 422
    assert served.ask(f"/api/provision.svg?user={quoted}").status == 422
    assert served.ask(f"/provision/{quoted}").status in (404, 422)
    with pytest.raises(ValueError):
        provision.url("http://192.168.1.10:8080", user)
