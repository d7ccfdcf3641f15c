"""The CA of this machine: what it signs, what is kept, and what is made anew; OpenSSL is the judge."""

from __future__ import annotations

import os
import stat
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.running import need, need_module

need_module("cryptography", "cryptography")

from sipfullproxy.authority import CA_LIFE, LIFE, MARGIN, Authority  # noqa: E402

pytestmark = pytest.mark.io

NOW = datetime.now(UTC)
NAMES = ("192.168.1.10", "fd00::1", "fe80::1%eth0", "lab.example")


def openssl(*arguments: str) -> str:
    """What OpenSSL says, good or bad."""
    done = subprocess.run([need("openssl", "openssl"), *arguments], capture_output=True, text=True)
    return done.stdout + done.stderr


def made(place: Path, now: datetime = NOW) -> tuple[Authority, bytes]:
    """The authority in that folder, and what our certificate is then."""
    ca = Authority(place, now, "laptop")
    return ca, ca.certify(NAMES, now).read_bytes()


@pytest.mark.parametrize("name", ["-verify_ip=192.168.1.10", "-verify_ip=fd00::1", "-verify_ip=fe80::1",
                                  "-verify_hostname=lab.example"])  # fmt: skip
def test_who_has_the_ca_believes_the_certificate(tmp_path: Path, name: str) -> None:
    ca, _ = made(tmp_path)
    option, _, value = name.partition("=")
    trust = ["verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", str(ca.file)]
    assert openssl(*trust, option, value, str(tmp_path / "proxy.pem")).endswith("proxy.pem: OK\n")
    assert "mismatch" in openssl(*trust, option, "example.org" if "host" in name else "10.0.0.1",
                                 str(tmp_path / "proxy.pem"))  # fmt: skip


def test_the_fingerprint_is_the_one_that_others_show(tmp_path: Path) -> None:
    ca, _ = made(tmp_path)
    said = openssl("x509", "-in", str(ca.file), "-noout", "-fingerprint", "-sha256", "-subject")
    assert f"Fingerprint={ca.fingerprint}\n" in said
    assert f"sipfullproxy CA {NOW:%Y-%m-%d} laptop" in said
    assert ca.pem == ca.file.read_bytes()
    (tmp_path / "ca.crt").write_bytes(ca.der)
    assert openssl("x509", "-inform", "DER", "-in", str(tmp_path / "ca.crt")) == ca.pem.decode()


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such modes")
def test_nobody_else_may_read_what_is_kept(tmp_path: Path) -> None:
    made(tmp_path)
    files = sorted(tmp_path.iterdir())
    assert [file.name for file in files] == ["authority.pem", "ca.pem", "proxy.pem"]
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert b"PRIVATE" not in (tmp_path / "ca.pem").read_bytes(), "this one is given away"


def test_both_stay_as_they_are_after_a_restart(tmp_path: Path) -> None:
    ca, certificate = made(tmp_path)
    again, same = made(tmp_path, NOW + timedelta(days=1))
    assert (again.pem, same) == (ca.pem, certificate)
    assert not again.replaced
    assert again.certify(["192.168.1.10"], NOW).read_bytes() == certificate, "an address more does no harm"


def test_a_new_address_makes_a_new_certificate_and_no_new_ca(tmp_path: Path) -> None:
    ca, certificate = made(tmp_path)
    new = ca.certify(["10.0.0.7"], NOW)
    assert new.read_bytes() != certificate
    assert openssl("verify", "-verify_ip", "10.0.0.7", "-CAfile", str(ca.file), str(new)).endswith("OK\n")


def test_before_its_end_it_is_made_anew(tmp_path: Path) -> None:
    ca, certificate = made(tmp_path)
    assert ca.certify(NAMES, NOW + LIFE - MARGIN - timedelta(days=1)).read_bytes() == certificate
    assert ca.certify(NAMES, NOW + LIFE - MARGIN).read_bytes() != certificate


def test_a_clock_that_was_wrong_is_no_harm_for_long(tmp_path: Path) -> None:
    """Made by a laptop that believed in 2040, where no phone is yet."""
    ca, certificate = made(tmp_path)
    ahead = ca.certify(["192.168.1.77"], NOW + timedelta(days=2000))
    assert b"CERTIFICATE" in ahead.read_bytes()
    assert ca.certify(["192.168.1.77"], NOW).read_bytes() != certificate
    assert openssl("verify", "-CAfile", str(ca.file), str(ahead)).endswith("OK\n")


def test_a_ca_whose_time_is_over_is_replaced_and_all_that_it_signed(tmp_path: Path) -> None:
    ca, certificate = made(tmp_path)
    later = NOW + CA_LIFE - MARGIN
    new, signed = made(tmp_path, later)
    assert new.replaced
    assert new.pem != ca.pem
    assert signed != certificate
    assert new.file.read_bytes() == new.pem


def test_no_certificate_outlives_its_ca(tmp_path: Path) -> None:
    ca, _ = made(tmp_path)
    ca.certify(["10.0.0.9"], NOW + CA_LIFE - timedelta(days=90))
    dates = [openssl("x509", "-noout", "-enddate", "-in", str(tmp_path / name)) for name in ("ca.pem", "proxy.pem")]
    assert dates[0] == dates[1]


@pytest.mark.parametrize("damage", [b"", b"no certificate", b"\xff\xfe\x00", b"-----BEGIN CERTIFICATE-----\nMII\n"])
def test_damaged_files_are_made_anew(tmp_path: Path, damage: bytes) -> None:
    made(tmp_path)
    (tmp_path / "authority.pem").write_bytes(damage)
    (tmp_path / "proxy.pem").write_bytes(damage)
    (tmp_path / "ca.pem").unlink()
    ca, _ = made(tmp_path)
    assert ca.replaced
    assert openssl("verify", "-CAfile", str(ca.file), str(tmp_path / "proxy.pem")).endswith("OK\n")


def test_a_key_that_belongs_to_another_certificate_is_none(tmp_path: Path) -> None:
    ca, certificate = made(tmp_path / "a")
    _, other = made(tmp_path / "b")
    mixed = certificate.partition(b"-----BEGIN CERTIFICATE")[0] + b"-----BEGIN CERTIFICATE"
    mixed += other.partition(b"-----BEGIN CERTIFICATE")[2]
    (tmp_path / "a" / "proxy.pem").write_bytes(mixed)
    assert ca.certify(NAMES, NOW).read_bytes() not in (mixed, other)


def test_what_another_ca_has_signed_is_not_shown(tmp_path: Path) -> None:
    """Two proxies that start at once may each make a CA; the file that is left decides."""
    made(tmp_path / "a")
    _, other = made(tmp_path / "b")
    (tmp_path / "a" / "proxy.pem").write_bytes(other)
    ca, certificate = made(tmp_path / "a")
    assert certificate != other
    assert openssl("verify", "-CAfile", str(ca.file), str(tmp_path / "a" / "proxy.pem")).endswith("OK\n")


def test_a_host_with_a_long_name_is_cut(tmp_path: Path) -> None:
    ca = Authority(tmp_path, NOW, "ž" * 200)
    assert "sipfullproxy CA" in openssl("x509", "-noout", "-subject", "-in", str(ca.file))


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError):
        Authority(tmp_path / "file" / "state", NOW, "laptop")
