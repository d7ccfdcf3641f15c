"""One way to one peer (RFC 5626 §3.2)."""

from __future__ import annotations

from sipfullproxy.engine.flow import Flow

PROXY = ("10.0.0.1", 5060)


def test_the_same_way_is_the_same_flow() -> None:
    assert Flow("udp", PROXY, ("10.0.0.11", 5060)) == Flow("udp", PROXY, ("10.0.0.11", 5060))
    assert len({Flow("udp", PROXY, ("10.0.0.11", port)) for port in (5060, 5061, 5060)}) == 2


def test_a_new_connection_is_another_way() -> None:
    """Even from the same address and port: what was said on the old one is not said on this one."""
    assert Flow("tcp", PROXY, ("10.0.0.11", 5060), 1) != Flow("tcp", PROXY, ("10.0.0.11", 5060), 2)


def test_which_transports_repeat_by_themselves() -> None:
    """RFC 3261 §17: all but UDP."""
    assert [name for name in ("udp", "tcp", "tls", "ws", "wss") if Flow(name, PROXY, PROXY).reliable] == [
        "tcp", "tls", "ws", "wss",
    ]  # fmt: skip


def test_the_address_for_people() -> None:
    assert Flow("udp", PROXY, ("10.0.0.11", 5060)).address == "10.0.0.11:5060"
    assert Flow("udp", ("::1", 5060), ("2001:db8::1", 5060)).address == "[2001:db8::1]:5060"
