"""What each value of the settings may be, and the line that a user reads about one that cannot be."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from sipfullproxy.engine.diversion import LONGEST_AFTER
from sipfullproxy.experiments import LONGEST_DELAY
from sipfullproxy.lang import LANGS, Lang
from sipfullproxy.settings import SettingsError, read
from sipfullproxy.sip.phrases import MODES
from sipfullproxy.values import LONGEST_PASSWORD, LONGEST_PHRASE, Listen, Mode, NameServer


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("system", "system"),
        ("off", "off"),
        ("192.168.1.1", NameServer("192.168.1.1", 53)),
        ("127.0.0.1:5353", NameServer("127.0.0.1", 5353)),
        ("fd00::1", NameServer("fd00::1", 53)),
        ("[fd00::1]:5353", NameServer("fd00::1", 5353)),
    ],
)
def test_who_is_asked_for_names(given: str, meant: object) -> None:
    assert read({"dns": given}).dns == meant


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("192.168.1.10", ("192.168.1.10",)),
        ("2001:DB8:0::1", ("2001:db8::1",)),
        ("[fd00::1]", ("fd00::1",)),
        ("::ffff:192.168.1.10", ("192.168.1.10",)),
        ("fe80::1%eth0", ("fe80::1%eth0",)),
        (["192.168.1.10", "fd00::1"], ("192.168.1.10", "fd00::1")),
    ],
)
def test_addresses_of_ipv4_and_ipv6(typed: object, meant: tuple[str, ...]) -> None:
    assert read({"ip": typed}).ip == meant


def test_ports_of_ipv6_have_their_address_in_brackets() -> None:
    ports = ["udp:[2001:db8::1]:5060", "tcp:[fe80::1%eth0]", "udp:192.168.1.10:5060"]
    assert read({"listen": ports}).listen == (
        Listen("udp", "2001:db8::1", 5060),
        Listen("tcp", "fe80::1%eth0"),
        Listen("udp", "192.168.1.10", 5060),
    )
    for wrong in ("udp:2001:db8::1:5060", "udp:[192.168.1.10]x", "udp:[::]:5060", "udp:[fd00::1%eth0]"):
        with pytest.raises(SettingsError):
            read({"listen": [wrong]})


def test_home_is_understood_in_paths() -> None:
    assert read({"journal": "~/calls.log"}).journal == Path.home() / "calls.log"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("portt", 5060),
        ("own", {486: "Obsadené"}),
        ("ip", 5),
        ("ip", "blah"),
        ("ip", "256.1.1.1"),
        ("ip", "0.0.0.0"),
        ("ip", "224.0.0.1"),
        ("ip", "255.255.255.255"),
        ("ip", "::"),
        ("ip", "ff02::1"),
        ("ip", "fe80::1"),
        ("ip", "fd00::1%eth0"),
        ("ip", []),
        ("ip", ["::1", "0:0::1"]),
        ("tls_cert", ""),
        ("tls_key", 5),
        ("ws_origin", "https://lab.sk"),
        ("ws_origin", ["lab.sk"]),
        ("ws_origin", ["https://lab.sk/phone"]),
        ("ws_origin", [None]),
        ("listen", "tcp"),
        ("listen", []),
        ("listen", [5060]),
        ("listen", ["sctp"]),
        ("listen", ["tcp:192.168.1.10:65536"]),
        ("listen", ["tcp:192.168.1"]),
        ("listen", ["tcp:0.0.0.0:5060"]),
        ("listen", ["tcp:192.168.1.10:5060", "tcp:192.168.1.10:5060"]),
        ("port", "5060"),
        ("port", True),
        ("port", -1),
        ("port", 65536),
        ("port", 50.6),
        ("lang", "de"),
        ("lang", ["sk"]),
        ("phrases", "some"),
        ("phrases", 3),
        ("phrases", {"mode": "some"}),
        ("phrases", {"busy": "Obsadené"}),
        ("phrases", {99: "?"}),
        ("phrases", {700: "?"}),
        ("phrases", {486: 486}),
        ("phrases", {486: ""}),
        ("phrases", {486: "Busy\r\nEvil: yes"}),
        ("phrases", {486: "\x1b[2J"}),
        ("phrases", {486: "x" * (LONGEST_PHRASE + 1)}),
        ("journal", ""),
        ("journal", 7),
        ("journal", "a\0b"),
        ("journal", "~nobody-of-that-name/x"),
        ("keep_days", 0),
        ("keep_days", 1.5),
        ("keep_days", "30"),
        ("keep_days", 10_000),
        ("keep_mb", 5),
        ("keep_mb", True),
        ("keep_mb", 1_000_000),
        ("verbose", 1),
        ("open", "yes"),
        ("domain", "lab.sk"),
        ("domain", ["lab sk"]),
        ("domain", ["lab.sk", 7]),
        ("domain", ["-lab.sk"]),
        ("domain", [""]),
        ("redirects", "maybe"),
        ("dns", "on"),
        ("dns", True),
        ("dns", "ns.lab.sk"),
        ("dns", "0.0.0.0"),
        ("dns", "192.168.1.1:0"),
        ("dns", "192.168.1.1:99999"),
        ("dns", "192.168.1.300"),
        ("bans", "yes"),
        ("trust", "192.168.1.0/24"),
        ("trust", ["192.168.1.7/24"]),
        ("trust", ["lab.sk"]),
        ("trust", [7]),
        ("silent", 1),
        ("state", False),
        ("web", "yes"),
        ("web_port", 65536),
        ("web_port", "8080"),
        ("web_bind", "lan"),
        ("web_bind", "ff02::1"),
        ("web_bind", "224.0.0.1"),
        ("web_bind", True),
        ("workers", 0),
        ("workers", 65),
        ("workers", "2"),
        ("web_password", ""),
        ("web_password", 1234),
        ("web_password", "a\nb"),
        ("web_password", "x" * (LONGEST_PASSWORD + 1)),
        ("forward", "carol"),
        ("forward", {"bob": "carol"}),
        ("forward", {"bob@lab": {}}),
        ("forward", {"sip:bob@lab": {}}),
        ("forward", {"": {}}),
        ("forward", {7: {}}),
        ("forward", {"b\x85b": {}}),
        ("forward", {"bob": {"busyy": "carol"}}),
        ("forward", {"bob": {"phrases": {486: "Obsadené"}}}),
        ("forward", {"bob": {"busy": ""}}),
        ("forward", {"bob": {"busy": 5}}),
        ("forward", {"bob": {"busy": "carol@lab"}}),
        ("forward", {"bob": {"busy": "sip:lab"}}),
        ("forward", {"bob": {"busy": "sips:carol@lab"}}),
        ("forward", {"bob": {"busy": "tel:+421"}}),
        ("forward", {"bob": {"busy": "carol\r\nEvil: yes"}}),
        ("forward", {"bob": {"busy": "\ud800"}}),
        ("forward", {"bob": {"after": 0}}),
        ("forward", {"bob": {"after": LONGEST_AFTER + 1}}),
        ("forward", {"bob": {"after": 2.5}}),
        ("forward", {"bob": {"after": True}}),
        ("forward", {"bob": {"after": "20"}}),
        ("experiments", 20),
        ("experiments", {"drop": -1}),
        ("experiments", {"drop": 101}),
        ("experiments", {"drop": True}),
        ("experiments", {"drop": 0.5}),
        ("experiments", {"delay": LONGEST_DELAY + 1}),
        ("experiments", {"delay": "300"}),
        ("experiments", {"stateless": 1}),
        ("experiments", {"record_route": "no"}),
        ("experiments", {"fork": None}),
        ("experiments", {"dropp": 20}),
    ],
)
def test_what_cannot_be_is_told_in_one_line_with_its_key(key: str, value: object) -> None:
    with pytest.raises(SettingsError) as caught:
        read({key: value})
    text = str(caught.value)
    assert text.startswith(key) and ": " in text
    assert text.isprintable(), "one line, and nothing in it that moves the cursor"


def test_a_password_is_never_shown() -> None:
    with pytest.raises(SettingsError) as caught:
        read({"web_password": "tajné\nheslo"})
    assert str(caught.value) == f"web_password: treba jeden riadok textu, nanajvýš {LONGEST_PASSWORD} znakov"
    assert "tajné" not in repr(read({"web_password": "tajné"}))


def test_a_bad_phrase_is_told_with_its_code() -> None:
    with pytest.raises(SettingsError, match=r"^phrases: 486 = '': treba jeden riadok textu"):
        read({"phrases": {603: "Teraz nie", 486: ""}})


def test_settings_and_phrasebook_know_the_same_words() -> None:
    assert get_args(Lang) == LANGS
    assert get_args(Mode) == MODES
