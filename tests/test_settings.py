"""Settings: three sources in their order, and one clear line for whatever cannot be."""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path
from typing import get_args

import pytest

from sipfullproxy.engine.diversion import LONGEST_AFTER, Rule
from sipfullproxy.experiments import LONGEST_DELAY, Experiments
from sipfullproxy.lang import LANGS, Lang
from sipfullproxy.settings import Settings, SettingsError, read
from sipfullproxy.sip.phrases import MODES
from sipfullproxy.values import LONGEST_PASSWORD, LONGEST_PHRASE, Listen, Mode, NameServer


def toml(folder: Path, text: str) -> Path:
    file = folder / "proxy.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_without_anything_the_defaults_hold() -> None:
    assert read({}) == Settings()
    assert (Settings().port, Settings().lang, Settings().journal) == (5060, "sk", Path("logs/proxy.log"))


def test_every_key_can_stand_in_the_file(tmp_path: Path) -> None:
    file = toml(
        tmp_path,
        """
        ip = "192.168.1.10"
        port = 5070
        tls_cert = "proxy.pem"
        tls_key = "proxy.key"
        tls_ca = "school.pem"
        ws_origin = ["https://Lab.sk/", "null"]
        listen = ["udp", "tcp:192.168.1.10:5080", "tcp:5081", "wss"]
        lang = "en"
        journal = "calls.log"
        keep_days = 7
        keep_mb = 50
        verbose = true
        open = true
        domain = ["Lab.SK", "school.example."]
        redirects = "pass"
        users = "users.toml"
        login = "calls"
        bans = false
        trust = ["192.168.1.0/24", "2001:db8::/32", "198.51.100.7"]
        silent = true
        security_log = "security.log"
        state = "/var/lib/proxy"
        web = false
        web_port = 8081
        web_bind = "0.0.0.0"
        web_password = "šéf"
        [phrases]
        mode = "own"
        486 = "Obsadené"
        [forward.bob]
        always = "carol"
        busy = "sip:carol@lab.sk:5070"
        no_answer = "carol"
        not_registered = "carol"
        after = 30
        [forward.zuza]
        [experiments]
        drop = 20
        delay = 300
        stateless = true
        record_route = false
        fork = false
        """,
    )
    assert read({}, file) == Settings(
        tls_cert=Path("proxy.pem"), tls_key=Path("proxy.key"), tls_ca=Path("school.pem"),
        ws_origin=("https://lab.sk", "null"),
        ip=("192.168.1.10",), port=5070,
        listen=(Listen("udp"), Listen("tcp", "192.168.1.10", 5080), Listen("tcp", None, 5081), Listen("wss")),
        lang="en", phrases="own", own={486: "Obsadené"}, journal=Path("calls.log"),
        keep_days=7, keep_mb=50, verbose=True, open=True, domain=("lab.sk", "school.example"), redirects="pass",
        users=Path("users.toml"), login="calls", bans=False,
        trust=(ip_network("192.168.1.0/24"), ip_network("2001:db8::/32"), ip_network("198.51.100.7")), silent=True,
        security_log=Path("security.log"),
        state=Path("/var/lib/proxy"),
        web=False, web_port=8081, web_bind="0.0.0.0", web_password="šéf",
        forward={
            "bob": Rule(
                always="carol", busy="sip:carol@lab.sk:5070", no_answer="carol", not_registered="carol", after=30,
            ),
            "zuza": Rule(),
        },
        experiments=Experiments(drop=20, delay=300, stateless=True, record_route=False, fork=False),
    )  # fmt: skip


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


def test_calls_cannot_need_logins_that_nobody_has() -> None:
    with pytest.raises(SettingsError, match="users"):
        read({"login": "calls"})


@pytest.mark.parametrize(
    ("given", "wanted"),
    [({}, False), ({"users": "u"}, True), ({"users": "u", "bans": False}, False), ({"bans": True}, True)],
)
def test_who_misbehaves_is_held_off_where_passwords_are_wanted(given: dict[str, object], wanted: bool) -> None:
    assert read(given).holds_off is wanted


def test_the_command_line_wins_over_the_file_key_by_key(tmp_path: Path) -> None:
    file = toml(tmp_path, 'port = 5070\nopen = true\n[phrases]\nmode = "own"\n486 = "Obsadené"\n')
    settings = read({"port": 5080, "phrases": "off"}, file)
    assert (settings.port, settings.open) == (5080, True)
    assert (settings.phrases, settings.own) == ("off", {486: "Obsadené"})


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


def test_phrases_may_be_just_the_mode(tmp_path: Path) -> None:
    assert read({}, toml(tmp_path, 'phrases = "off"')).phrases == "off"


def test_own_phrases_leave_the_mode_alone() -> None:
    settings = read({"phrases": {486: "Obsadené"}})
    assert (settings.phrases, settings.own) == ("all", {486: "Obsadené"})


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


def test_a_mistake_in_the_file_names_the_file(tmp_path: Path) -> None:
    file = toml(tmp_path, "port = 99999")
    with pytest.raises(SettingsError, match=r"proxy\.toml: port = 99999: treba celé číslo od 0 do 65535$"):
        read({}, file)


def test_mistakes_are_told_in_the_language_that_was_chosen(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="must be a whole number"):
        read({"lang": "en", "port": -1})
    with pytest.raises(SettingsError, match="must be a whole number"):
        read({}, toml(tmp_path, 'port = -1\nlang = "en"'))
    with pytest.raises(SettingsError, match="treba celé číslo"):
        read({"lang": "sk"}, toml(tmp_path, 'port = -1\nlang = "en"'))


@pytest.mark.parametrize("content", [b"port = ", b"port = 5060\nport = 5061", b"\xff\xfe", b"port = 1_", b"[phrases\n"])
def test_a_broken_file_is_told_in_one_line(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "broken.toml"
    file.write_bytes(content)
    with pytest.raises(SettingsError, match=r"broken\.toml: nie je to platný súbor TOML: ") as caught:
        read({}, file)
    assert "\n" not in str(caught.value)


def test_a_file_nested_beyond_reason_is_told_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"nie je to platný súbor TOML: "):
        read({}, toml(tmp_path, "a = " + "[" * 5000))


def test_the_mark_of_windows_editors_is_read_over(tmp_path: Path) -> None:
    assert read({}, toml(tmp_path, "\ufeffport = 5071\r\n")).port == 5071


def test_a_bad_phrase_is_told_with_its_code() -> None:
    with pytest.raises(SettingsError, match=r"^phrases: 486 = '': treba jeden riadok textu"):
        read({"phrases": {603: "Teraz nie", 486: ""}})


def test_a_bad_rule_is_told_with_its_user_and_key(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"proxy\.toml: forward: bob\.after = 0: treba celé číslo od 1 do 180 "):
        read({}, toml(tmp_path, "[forward.bob]\nafter = 0"))
    with pytest.raises(SettingsError, match=r"proxy\.toml: experiments: drop = 200: treba celé číslo od 0 do 100 "):
        read({}, toml(tmp_path, "[experiments]\ndrop = 200"))


def test_a_file_that_cannot_be_read_is_told_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"none\.toml: súbor sa nedá prečítať: "):
        read({}, tmp_path / "none.toml")
    with pytest.raises(SettingsError, match="súbor sa nedá prečítať: "):
        read({}, tmp_path)


def test_settings_and_phrasebook_know_the_same_words() -> None:
    assert get_args(Lang) == LANGS
    assert get_args(Mode) == MODES


def test_origins_without_a_websocket_are_a_mistake() -> None:
    """Whoever sets them thinks that browsers can call now."""
    for listen in ({}, {"listen": ["udp"]}):
        with pytest.raises(SettingsError, match="WebSocket"):
            read({"ws_origin": ["https://lab.sk"], "lang": "en", **listen})
    assert read({"ws_origin": ["https://lab.sk"], "listen": ["udp", "wss"]}).ws_origin == ("https://lab.sk",)
