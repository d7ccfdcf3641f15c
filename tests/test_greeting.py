"""The first lines that the user reads."""

from __future__ import annotations

from pathlib import Path

import pytest

from sipfullproxy.experiments import Experiments
from sipfullproxy.greeting import greeting
from sipfullproxy.settings import Settings


def test_the_greeting_names_other_addresses_and_leaves_out_the_usual_port() -> None:
    text = greeting(Settings(), ("192.168.1.10", 5060), ["192.168.1.10", "10.0.0.5"])
    assert "doména 192.168.1.10," in text
    assert "má aj 10.0.0.5" in text
    assert "má aj" not in greeting(Settings(), ("192.168.1.10", 5060), ["192.168.1.10"])
    assert "Pozor" not in text
    assert "firewall tohto počítača UDP port 5060" in text
    alone = greeting(Settings(), ("127.0.0.1", 5060), ["127.0.0.1"])
    assert "Pozor" in alone
    assert "firewall" not in alone, "no firewall stands in the way of the loopback"


def test_the_greeting_names_all_that_is_listened_on() -> None:
    address, other = ("192.168.1.10", 5060), ("10.0.0.5", 5070)
    ports = [("udp", address), ("tcp", address), ("tcp", other)]
    text = greeting(Settings(), address, ["192.168.1.10", "10.0.0.5"], listen=ports)
    assert "beží na 192.168.1.10 (UDP, TCP).\n" in text
    assert "prenos UDP alebo TCP," in text
    assert "firewall tohto počítača UDP aj TCP port 5060" in text
    assert "\n  Počúva aj: TCP 10.0.0.5:5070\n" in text
    assert "má aj" not in text, "where it listens there is nothing to start anew"


def test_a_firewall_is_told_each_port_once() -> None:
    four, six = ("192.168.1.10", 5060), ("fd00::10", 5060)
    secure = [("tls", (host, 5061)) for host, _ in (four, six)]
    ports = [("udp", four), ("udp", six), ("tcp", four), *secure, ("tcp", six)]
    text = greeting(Settings(), four, [], listen=ports)
    assert "firewall tohto počítača UDP aj TCP port 5060, TCP port 5061\n" in text


@pytest.mark.parametrize(
    ("page", "more"),
    [
        ("http://192.168.1.10:8080", ", TCP port 8080 (stránka)"),
        ("http://[fd00::10]:8088", ", TCP port 8088 (stránka)"),
        ("http://127.0.0.1:8080", ""), ("http://[::1]:8080", ""), ("vypnutá, lebo", ""), ("", ""),
    ],
)  # fmt: skip
def test_a_firewall_is_told_the_port_of_a_page_that_others_can_open(page: str, more: str) -> None:
    text = greeting(Settings(), ("192.168.1.10", 5060), [], page)
    assert f"firewall tohto počítača UDP port 5060{more}\n" in text


def test_where_browsers_connect_is_a_url() -> None:
    ports = [("udp", ("192.168.1.10", 5060)), ("ws", ("192.168.1.10", 8088)), ("wss", ("fd00::10", 8089))]
    text = greeting(Settings(), ("192.168.1.10", 5060), [], listen=ports)
    assert "\n  Počúva aj: ws://192.168.1.10:8088, wss://[fd00::10]:8089\n" in text


def test_the_page_has_a_line_of_its_own_when_it_is_wanted() -> None:
    text = greeting(Settings(), ("192.168.1.10", 5060), ["192.168.1.10"], "http://192.168.1.10:8080")
    assert "\n  Stránka:   http://192.168.1.10:8080\n" in text
    assert "--web" not in text
    text = greeting(Settings(web=False, lang="en"), ("192.168.1.10", 5060), ["192.168.1.10"])
    assert "Page:" not in text
    assert "Off: " in text and "the page with the calls (--web)" in text


def test_the_authority_of_our_certificate_is_shown_with_its_fingerprint() -> None:
    address = ("192.168.1.10", 5060)
    ports = [("udp", address), ("tcp", address), ("tls", ("192.168.1.10", 5061))]
    text = greeting(Settings(), address, [], "http://192.168.1.10:8080", listen=ports, ca=("AB:CD", "/var/ca.pem"))
    assert "\n  TLS:       doména 192.168.1.10, prenos TLS; do telefónu" in text
    assert "autority (CA): http://192.168.1.10:8080/ca.crt\n             jeho odtlačok SHA-256: AB:CD\n" in text
    assert "firewall tohto počítača UDP aj TCP port 5060, TCP port 5061, TCP port 8080 (stránka)\n" in text
    assert "TLS" not in greeting(Settings(), ("192.168.1.10", 5060), [])
    for page in ("", "vypnutá, lebo", "http://127.0.0.1:8080"):
        text = greeting(Settings(), ("8.8.8.8", 5060), [], page, listen=ports, ca=("AB:CD", "/var/ca.pem"))
        assert "autority (CA): /var/ca.pem\n" in text, "from that page no phone can have it"
    assert "\n  TLS:       vypnuté, lebo\n" in greeting(Settings(), ("192.168.1.10", 5060), [], no_tls="vypnuté, lebo")


def test_a_page_that_is_hidden_from_the_world_says_so() -> None:
    hidden = ("8.8.8.8", 5060), ["8.8.8.8"], "http://127.0.0.1:8080"
    assert "len na tomto počítači, lebo 8.8.8.8 je verejná adresa; aj inde: --web-bind" in greeting(Settings(), *hidden)
    assert "--web-bind" not in greeting(Settings(web_bind="127.0.0.1"), *hidden), "as he wanted it"
    assert "--web-bind" not in greeting(Settings(), ("127.0.0.1", 5060), [], "http://127.0.0.1:8080")


def test_the_greeting_says_who_needs_a_password() -> None:
    address = ("192.168.1.10", 5060)
    assert "bez hesla" in greeting(Settings(), address, [])
    assert "(--users)" in greeting(Settings(), address, [])
    some = greeting(Settings(users=Path("u.toml")), address, [])
    assert "používateľ zo súboru u.toml a jeho heslo" in some
    assert "chce ho každá registrácia (" in some
    assert "bez hesla" not in some
    assert "(--users)" not in some
    assert "chce ho každá registrácia aj každý hovor" in greeting(
        Settings(users=Path("u.toml"), login="calls"), address, []
    )


def test_the_greeting_tells_what_goes_wrong_on_purpose() -> None:
    address = ("192.168.1.10", 5060)
    assert "Pokazené" not in greeting(Settings(), address, [])
    wrong = Settings(experiments=Experiments(drop=20, fork=False))
    assert "  Pokazené:  zahadzuje sa 20 % správ, zvoní len jeden telefón (naschvál" in greeting(wrong, address, [])


def test_the_greeting_tells_what_of_the_dns_is_off(monkeypatch: pytest.MonkeyPatch) -> None:
    address = ("192.168.1.10", 5060)
    assert "--dns" in greeting(Settings(dns="off"), address, []) and "SRV" not in greeting(
        Settings(dns="off"), address, []
    )
    assert "--dns" not in greeting(Settings(), address, [])
    monkeypatch.setattr("sipfullproxy.greeting.has_library", lambda: False)
    assert "podľa SRV a NAPTR (pip install dnspython)" in greeting(Settings(), address, [])
