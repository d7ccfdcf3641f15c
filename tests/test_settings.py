"""Settings: three sources in their order, and one clear line for whatever cannot be."""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path

import pytest

from sipfullproxy.engine.diversion import Rule
from sipfullproxy.experiments import Experiments
from sipfullproxy.settings import Settings, SettingsError, read
from sipfullproxy.values import Listen


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


def test_phrases_may_be_just_the_mode(tmp_path: Path) -> None:
    assert read({}, toml(tmp_path, 'phrases = "off"')).phrases == "off"


def test_own_phrases_leave_the_mode_alone() -> None:
    settings = read({"phrases": {486: "Obsadené"}})
    assert (settings.phrases, settings.own) == ("all", {486: "Obsadené"})


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


def test_origins_without_a_websocket_are_a_mistake() -> None:
    """Whoever sets them thinks that browsers can call now."""
    for listen in ({}, {"listen": ["udp"]}):
        with pytest.raises(SettingsError, match="WebSocket"):
            read({"ws_origin": ["https://lab.sk"], "lang": "en", **listen})
    assert read({"ws_origin": ["https://lab.sk"], "listen": ["udp", "wss"]}).ws_origin == ("https://lab.sk",)
