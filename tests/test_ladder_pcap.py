"""A call as a capture: what Wireshark's dissectors read out of it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sipfullproxy.engine.flow import Flow
from sipfullproxy.journal.record import Record
from sipfullproxy.ladder.pcap import NoLibraryError, pcap
from tests.ladders import ALL, plain

pytestmark = pytest.mark.io

pytest.importorskip("dpkt", reason="captures need dpkt")
needs_tshark = pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")

STRICT = ("ip.check_checksum", "udp.check_checksum", "tcp.check_checksum")
"""Checksums that tshark leaves alone unless it is told to look."""


def read(capture: bytes, folder: Path, *fields: str, only: str = "") -> list[list[str]]:
    """Fields of all packets, as tshark reads them."""
    file = folder / "call.pcap"
    file.write_bytes(capture)
    command = ["tshark", "-n", "-r", str(file), "-T", "fields"]
    for name in STRICT:
        command += ["-o", f"{name}:TRUE"]
    for field in fields:
        command += ["-e", field]
    if only:
        command += ["-Y", only]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [line.split("\t") for line in done.stdout.splitlines()]


def moved(records: list[Record], transport: str, local: tuple[str, int], remote: tuple[str, int]) -> list[Record]:
    """The same messages between two other addresses, each as long as it says."""
    flow = Flow(transport, local, remote, 7)
    return [record._replace(flow=flow) for record in records]


def message(size: int) -> bytes:
    """A MESSAGE with so long a body."""
    head = (
        "MESSAGE sip:b@10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TCP 10.0.0.10;branch=z9hG4bK1\r\nFrom: <sip:a@x>;tag=1\r\n"
        f"To: <sip:b@x>\r\nCall-ID: c\r\nCSeq: 1 MESSAGE\r\nContent-Type: text/plain\r\nContent-Length: {size}\r\n\r\n"
    )
    return head.encode() + b"a" * size


@needs_tshark
@pytest.mark.parametrize("name", [name for name in ALL if name != "hostile"])
def test_addresses_ports_times_and_messages(name: str, tmp_path: Path) -> None:
    records = ALL[name]()
    fields = ("frame.time_epoch", "ip.src", "udp.srcport", "ip.dst", "udp.dstport", "sip.Method", "sip.Status-Code")
    found = read(pcap(records), tmp_path, *fields)
    assert len(found) == len(records)
    for record, (time, source, source_port, target, target_port, method, status) in zip(records, found, strict=True):
        assert float(time) == pytest.approx(record.time, abs=2e-6)
        ends = [(source, int(source_port)), (target, int(target_port))]
        assert ends == ([record.flow.remote, record.flow.local][:: 1 if record.inward else -1])
        assert (method or f"SIP/2.0 {status}").encode() == record.data[: len(method) or 11]


@needs_tshark
def test_nothing_is_malformed_and_every_checksum_is_right(tmp_path: Path) -> None:
    """Of all stories in one capture, one behind the other."""
    strange = "_ws.malformed || ip.checksum.status == 0 || udp.checksum.status == 0 || tcp.checksum.status == 0"
    records = [record for story in ALL.values() for record in story() if not record.data.startswith(b"\x16")]
    fields = ("frame.number", "udp.srcport", "udp.dstport", "tcp.srcport", "sip.Call-ID", "_ws.malformed")
    assert not read(pcap(records), tmp_path, *fields, only=strange)


@needs_tshark
@pytest.mark.parametrize(
    ("transport", "local", "remote", "port"),
    [
        ("tcp", ("10.0.0.1", 5062), ("10.0.0.10", 40_000), 5062),
        ("tls", ("10.0.0.1", 5061), ("10.0.0.10", 40_000), 5060),
        ("wss", ("10.0.0.1", 443), ("10.0.0.10", 40_000), 5060), ("tcp", ("::1", 5060), ("fe80::1", 40_000), 5060),
    ],
)  # fmt: skip
def test_streams_are_put_together(
    transport: str, local: tuple[str, int], remote: tuple[str, int], port: int, tmp_path: Path
) -> None:
    """Also what was encrypted, and a message that is longer than any segment."""
    records = moved(plain(), transport, local, remote)
    records.insert(3, records[0]._replace(data=message(150_000)))
    capture = pcap(records)
    dissected = read(capture, tmp_path, "sip.Method", "sip.Status-Code", "sip.msg_body", only="sip")
    assert len(dissected) == len(records)
    ports = {name for row in read(capture, tmp_path, "tcp.srcport", "tcp.dstport") for name in row}
    assert ports == {"40000", str(port)}
    assert not read(capture, tmp_path, "frame.number", only="tcp.analysis.flags || _ws.malformed")


@needs_tshark
def test_two_connections_are_two_streams(tmp_path: Path) -> None:
    first = moved(plain(), "tcp", ("10.0.0.1", 5060), ("10.0.0.10", 40_000))
    second = moved(plain(), "tcp", ("10.0.0.1", 5060), ("10.0.0.11", 40_000))
    mixed = [record for pair in zip(first, second, strict=True) for record in pair]
    found = read(pcap(mixed), tmp_path, "tcp.stream", only="sip")
    assert [stream for (stream,) in found] == ["0", "1"] * len(first)


@needs_tshark
def test_ipv6_over_udp(tmp_path: Path) -> None:
    records = moved(plain(), "udp", ("2001:db8::1", 5060), ("fe80::2%eth0", 5080))
    found = read(pcap(records), tmp_path, "ipv6.src", "udp.srcport", only="sip && udp.checksum.status == 1")
    assert len(found) == len(records)
    assert set(map(tuple, found)) == {("2001:db8::1", "5060"), ("fe80::2", "5080")}


@needs_tshark
def test_a_checksum_that_comes_to_zero(tmp_path: Path) -> None:
    """One of 65,536 does; over IPv6 it must not be sent so (RFC 8200 §8.1)."""
    flow = Flow("udp", ("::1", 5060), ("::2", 5060))
    ((first,),) = read(pcap([Record(1, 1.0, True, flow, b"OPTIONS \0\0")]), tmp_path, "udp.checksum")
    balanced = pcap([Record(1, 1.0, True, flow, b"OPTIONS " + bytes.fromhex(first[2:]))])
    assert read(balanced, tmp_path, "udp.checksum", "udp.checksum.status") == [["0xffff", "1"]]


@needs_tshark
def test_a_datagram_as_long_as_they_get(tmp_path: Path) -> None:
    flow = plain()[0].flow
    longest = Record(1, 1.0, True, flow, message(65_000))
    too_long = Record(2, 2.0, True, flow, message(66_000))
    found = read(pcap([longest, too_long]), tmp_path, "udp.length", "sip.Method")
    assert found == [[str(len(longest.data) + 8), "MESSAGE"]]


def test_a_capture_of_nothing() -> None:
    assert len(pcap([])) == 24


def test_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "dpkt.pcap", None)
    with pytest.raises(NoLibraryError):
        pcap(plain())
