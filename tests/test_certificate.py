"""The certificate of TLS: whose it is, and what is said where there is none."""

from __future__ import annotations

import subprocess
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sipfullproxy import authority, certificate
from sipfullproxy.opening import open_doors
from sipfullproxy.settings import StartError, read
from tests.running import need, need_module
from tests.test_opening import opened, refused
from tests.test_tls import certify

pytestmark = pytest.mark.io


def test_tls_wants_a_certificate() -> None:
    told = "TLS needs a certificate: --tls makes one, or yours: --tls-cert and --tls-key"
    assert refused(listen=["tls:127.0.0.1:0"]) == told
    assert refused(tls=True, tls_cert=__file__) == refused(tls=True, tls_key=__file__) == told, "one of them is none"


def test_wss_wants_a_certificate() -> None:
    assert refused(listen=["wss:127.0.0.1:0"]).startswith("TLS needs a certificate")


@pytest.mark.parametrize("key", ["tls_cert", "tls_key"])
def test_a_certificate_alone_turns_nothing_on_and_says_so(key: str) -> None:
    told = refused(**{key: "proxy.pem", "listen": ["udp:127.0.0.1:0", "tcp:127.0.0.1:0"]})
    assert told.startswith("the certificate proxy.pem does not turn TLS on")


def test_a_certificate_that_is_none() -> None:
    told = refused(listen=["tls:127.0.0.1:0"], tls_cert=__file__, tls_key=__file__)
    assert told.startswith(f"the certificate {__file__} with the key {__file__} cannot be used")


@pytest.mark.parametrize(
    ("flaw", "told"),
    [
        ("mismatch", "the key belongs to another certificate"),
        ("password", "the key has a password; to have it without: openssl pkey"),
        ("junk", "one of them is not PEM"),
        ("empty", "one of them is not PEM"),
        ("missing", "No such file or directory"),
        ("folder", "Is a directory"),
    ],
)
def test_what_is_wrong_with_a_certificate_is_said_in_words(tmp_path: Path, flaw: str, told: str) -> None:
    cert, key = certify(tmp_path, "proxy")
    if flaw == "mismatch":
        _, key = certify(tmp_path, "another")
    elif flaw == "password":
        command = [need("openssl", "openssl"), "ec", "-aes128", "-passout", "pass:secret", "-in", str(key)]
        key = tmp_path / "locked.key"
        subprocess.run([*command, "-out", str(key)], check=True, capture_output=True)
    elif flaw in ("junk", "empty"):
        cert.write_text("nothing" if flaw == "junk" else "", "utf-8")
    elif flaw == "missing":
        key = tmp_path / "none"
    else:
        cert = tmp_path
    said = refused(tls=True, tls_cert=cert, tls_key=key)
    assert said.startswith(f"the certificate {cert} with the key {key} cannot be used: ")
    assert told in said


@pytest.mark.parametrize(
    ("made", "told"),
    [(-authority.LIFE - timedelta(days=1), "its time is over"), (timedelta(days=2), "its time has not come yet")],
)
def test_a_certificate_outside_its_time_is_none(tmp_path: Path, made: timedelta, told: str) -> None:
    need_module("cryptography", "cryptography")
    then = datetime.now(UTC) + made
    file = authority.Authority(tmp_path, then, "laptop").certify(["127.0.0.1"], then)
    assert refused(tls=True, tls_cert=file, tls_key=file).endswith(told)


def test_a_certificate_of_the_users_own_comes_before_ours(tmp_path: Path) -> None:
    cert, key = certify(tmp_path, "proxy")
    assert opened(state=tmp_path / "none", tls_cert=cert, tls_key=key) == ["udp", "tcp", "tls"]
    assert not (tmp_path / "none").exists()


def test_without_the_library_one_line_says_how_to_have_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(certificate, "missing", lambda *names: [*names])
    with pytest.raises(StartError, match=r"^off, cryptography missing; to have it: pip install \. in the folder"):
        opened(state=tmp_path)
    chosen = read({"ip": "127.0.0.1", "port": 0, "tls": True})
    with closing(open_doors(chosen)) as doors:
        assert [transport for transport, _ in doors.listen] == ["udp", "tcp"], "calls need none"


def test_a_folder_in_which_nothing_can_be_kept(tmp_path: Path) -> None:
    need_module("cryptography", "cryptography")
    (tmp_path / "file").touch()
    with pytest.raises(StartError, match=r"^off, nothing can be kept in the folder"):
        opened(state=tmp_path / "file" / "state")


def test_a_new_authority_in_the_place_of_another_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    need_module("cryptography", "cryptography")
    opened(state=tmp_path)
    assert not caplog.text
    (tmp_path / "authority.pem").write_text("damaged", "utf-8")
    opened(state=tmp_path)
    assert f"phones must be given {tmp_path / 'ca.pem'}" in caplog.text
