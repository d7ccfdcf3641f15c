"""The command line as its user meets it: what he types, the lines that he reads, and exit codes.

A proxy that runs is a process; a command that ends by itself is none, but for the few tests of what a process adds.
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from sipfullproxy import __version__
from tests.shell import MAIN, MOMENT, Run, environment, process, register, running, typing
from tests.waiting import eventually


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    return typing(tmp_path, monkeypatch, capsys)


@pytest.mark.io
def test_the_greeting_tells_what_to_type_and_where_the_journal_is(tmp_path: Path) -> None:
    with running(tmp_path) as (_, lines, port):
        assert lines[0] == f"SIP proxy beží na 127.0.0.1:{port} (UDP, TCP)."
        assert f"doména 127.0.0.1:{port}" in lines[1]
        assert lines[2].endswith(str(Path("logs", "proxy.log")))
        assert any("-v" in line and "--open" in line for line in lines)
    with running(tmp_path, "--lang", "en", "-v", "--open") as (_, lines, port):
        assert lines[0] == f"The SIP proxy runs at 127.0.0.1:{port} (UDP, TCP)."
        assert [line for line in lines if "Off:" in line] == ["  Off:       logins by password (--users)"]


@pytest.mark.io
@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_signals_end_it_at_once_with_the_journal_written(tmp_path: Path, ending: signal.Signals) -> None:
    with running(tmp_path) as (process, _, port):
        register(port)
        process.send_signal(ending)
        out, err = process.communicate(timeout=MOMENT)
        assert (process.returncode, out, err) == (0, "", "")
    journal = (tmp_path / "logs" / "proxy.log").read_text("utf-8")
    assert "Bol zaregistrovaný nový používateľ: macka@127.0.0.1" in journal


@pytest.mark.io
@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_a_signal_that_comes_while_it_stands_still_is_heeded(tmp_path: Path) -> None:
    """The kernel may give it to any of its threads then, and the one that waits for it sleeps on."""
    for _ in range(5):
        with running(tmp_path) as (process, _, _):
            for sent in (signal.SIGSTOP, signal.SIGTERM, signal.SIGCONT):
                process.send_signal(sent)
            out, err = process.communicate(timeout=MOMENT)
            assert (process.returncode, out, err) == (0, "", "")


@pytest.mark.io
def test_a_console_that_knows_no_slovak_is_served_all_the_same(tmp_path: Path) -> None:
    with running(tmp_path, PYTHONIOENCODING="ascii", PYTHONUTF8="0") as (_, lines, port):
        assert lines[0] == f"SIP proxy be\\u017e\\xed na 127.0.0.1:{port} (UDP, TCP)."
    assert process(tmp_path, "--help", PYTHONIOENCODING="ascii", PYTHONUTF8="0").returncode == 0


@pytest.mark.io
@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_a_greeting_that_nobody_can_read_ends_nothing(tmp_path: Path) -> None:
    """`main.py | head -1`, or a full disk behind the redirection."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        _, port = probe.getsockname()
    read, write = os.pipe()
    os.close(read)
    with subprocess.Popen(
        [sys.executable, str(MAIN), "127.0.0.1", "--port", str(port)],
        cwd=tmp_path, env=environment(tmp_path), stdout=write, stderr=subprocess.PIPE, encoding="utf-8",
    ) as process:  # fmt: skip
        os.close(write)
        try:
            eventually((tmp_path / "logs" / "proxy.log").exists, "the start")
            register(port)
            process.terminate()
            _, err = process.communicate(timeout=MOMENT)
        finally:
            process.kill()
    assert (process.returncode, err) == (0, "")


@pytest.mark.io
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["203.0.113.77"], "203.0.113.77 nie je adresa tohto počítača"),
        (["203.0.113.77", "--lang", "en"], "203.0.113.77 is no address of this machine"),
        (["blah"], "ip = 'blah': treba adresu tohto"),
        (["127.0.0.1", "203.0.113.77"], "203.0.113.77 nie je adresa tohto počítača"),
        (["127.0.0.1", "blah"], "ip = ['127.0.0.1', 'blah']: treba adresu tohto"),
        (["fe80::1"], "ip = 'fe80::1': za adresou fe80::… (a len za takou) treba sieťovú kartu"),
        (["--port", "99999"], "port = 99999: treba celé číslo"),
        (["--port", "x"], "port = 'x': treba celé číslo"),
        (["--port", "9" * 5000], "port = '9"),
        (["--port"], "argument --port: expected one argument"),
        (["--lang", "de"], "lang = 'de': treba jedno z: sk, en"),
        (["--phrases", "some"], "phrases = 'some': treba jedno z: all, own, off"),
        (["--domain", "a b"], "domain = ['a b']: treba zoznam"),
        (["--dns", "ns.lab.sk"], "dns = 'ns.lab.sk': treba system, off, alebo adresu servera DNS"),
        (["--config", "none.toml"], "none.toml: súbor sa nedá prečítať"),
        (["--config", "broken.toml"], "broken.toml: nie je to platný súbor TOML"),
        (["--config", "wrong.toml"], "wrong.toml: prot = 5060: taký kľúč nepoznám"),
        (["127.0.0.1", "--port", "0", "--journal", "."], "do denníka . sa nedá písať"),
        (["--web-port", "x"], "web_port = 'x': treba celé číslo"),
        (["--web-bind", "lan"], "web_bind = 'lan': treba adresu tohto počítača, alebo 0.0.0.0"),
        (["--web-password", ""], "web_password: treba jeden riadok textu"),
        (["--verbos"], "unrecognized arguments: --verbos"),
    ],
)
def test_what_the_user_can_mend_is_one_line_and_exit_code_2(
    tmp_path: Path, run: Run, arguments: list[str], said: str
) -> None:
    (tmp_path / "broken.toml").write_text("port 5060")
    (tmp_path / "wrong.toml").write_text("prot = 5060")
    done = run(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith(f"sipfullproxy: {said}")
    assert done.stderr.count("\n") == 1


@pytest.mark.io
def test_a_taken_port_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    with running(tmp_path) as (_, _, port):
        done = process(tmp_path, "127.0.0.1", "--port", str(port))
    assert done.returncode == 2
    assert done.stderr.startswith(f"sipfullproxy: 127.0.0.1:{port} (UDP) je obsadené")
    assert done.stderr.count("\n") == 1


@pytest.mark.io
def test_the_page_is_where_the_greeting_says(tmp_path: Path) -> None:
    with running(tmp_path) as (process, lines, _):
        (line,) = [line for line in lines if "Stránka:" in line]
        address = line.split()[-1]
        with urllib.request.urlopen(f"{address}/api/about", timeout=MOMENT) as answer:
            assert json.load(answer)["page"] == address
        process.send_signal(signal.SIGTERM)
        assert process.communicate(timeout=MOMENT) == ("", "")


@pytest.mark.io
def test_without_a_page_nobody_listens_and_nothing_is_loaded(tmp_path: Path) -> None:
    with running(tmp_path, "--no-web") as (_, lines, _):
        assert not any("http" in line for line in lines)
        assert "stránka s hovormi (--web)" in lines[-2]


@pytest.mark.io
def test_a_taken_port_of_the_page_costs_no_call(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        with running(tmp_path, "--web-port", str(taken)) as (_, lines, port):
            assert f"  Stránka:   vypnutá, port {taken} (TCP) je obsadený; iný: --web-port" in lines
            register(port)


@pytest.mark.io
def test_without_its_libraries_the_page_is_off_and_calls_go_on(tmp_path: Path) -> None:
    """`-S` leaves out whatever was installed; that is Python as a student has it."""
    command = [sys.executable, "-S", str(MAIN), "127.0.0.1", "--port", "0", "--lang", "en"]
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        encoding="utf-8",
    ) as process:  # fmt: skip
        try:
            assert process.stdout is not None
            first = process.stdout.readline()
            lines = [process.stdout.readline() for _ in range(3)]
            found = re.search(r"127\.0\.0\.1:(\d+)", first)
            assert found
            register(int(found[1]))
            process.terminate()
            _, err = process.communicate(timeout=MOMENT)
        finally:
            process.kill()
    assert "off, fastapi, uvicorn, segno missing; to have it: pip install . in the folder of the project" in lines[-1]
    assert err == ""


@pytest.mark.io
def test_the_settings_file_is_read_and_the_command_line_wins(tmp_path: Path) -> None:
    (tmp_path / "proxy.toml").write_text('port = 99\nlang = "en"\njournal = "calls.log"\n', encoding="utf-8")
    with running(tmp_path, "--config", "proxy.toml") as (_, lines, _):
        assert lines[0].startswith("The SIP proxy runs at")
    assert (tmp_path / "calls.log").exists()


@pytest.mark.io
def test_run_is_the_command_that_needs_no_name(run: Run) -> None:
    done = run("run", "203.0.113.77")
    assert (done.returncode, done.stderr.startswith("sipfullproxy: 203.0.113.77 nie je")) == (2, True)


@pytest.mark.parametrize(("lang", "word"), [("sk", "Príklady:"), ("en", "Examples:")])
def test_help_has_examples_and_every_option(run: Run, lang: str, word: str) -> None:
    done = run("--lang", lang, "--help")
    assert done.returncode == 0
    assert word in done.stdout
    for option in ("--port", "--lang", "--phrases", "--journal", "-v", "--open", "--domain", "--dns", "--config",
                   "--version", "--no-web", "--web-port", "--web-bind", "--web-password"):  # fmt: skip
        assert f"\n  {option}" in done.stdout


def test_version(run: Run) -> None:
    assert run("--version").stdout == f"sipfullproxy {__version__}\n"


@pytest.mark.io
def test_the_package_can_be_run_as_well(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sipfullproxy", "--version"]
    done = subprocess.run(command, cwd=MAIN.parent, capture_output=True, text=True, timeout=MOMENT, check=True)
    assert done.stdout == f"sipfullproxy {__version__}\n"
