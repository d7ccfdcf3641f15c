"""The first lines that the user reads."""

from __future__ import annotations

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


def test_the_greeting_tells_what_goes_wrong_on_purpose() -> None:
    address = ("192.168.1.10", 5060)
    assert "Pokazené" not in greeting(Settings(), address, [])
    wrong = Settings(experiments=Experiments(drop=20, fork=False))
    assert "  Pokazené:  zahadzuje sa 20 % správ, zvoní len jeden telefón (naschvál" in greeting(wrong, address, [])
