"""Root opens the ports and is root no more; and nothing in the package could be made to run what a stranger sends."""

from __future__ import annotations

import ast
import os
import shutil
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sipfullproxy import privileges
from sipfullproxy.privileges import identity
from sipfullproxy.settings import Settings, SettingsError, StartError, read
from tests.each import each
from tests.running import HERE, PATIENCE
from tests.test_layers import FILES
from tests.waiting import eventually

ANYBODY = Settings(user="nobody", lang="en")

root = pytest.mark.skipif(sys.platform == "win32" or os.geteuid() != 0, reason="only root can become somebody else")
posix = pytest.mark.skipif(sys.platform == "win32", reason="there are no such users on Windows")


def test_nobody_is_asked_for_and_nobody_becomes_somebody_else() -> None:
    assert identity(Settings()) is None


def test_a_group_needs_a_user() -> None:
    with pytest.raises(SettingsError, match="needs a user"):
        read({"group": "nogroup", "lang": "en"})


@pytest.mark.parametrize("name", ["", 5, "a\nb", True])
def test_a_user_is_a_name(name: object) -> None:
    with pytest.raises(SettingsError):
        read({"user": name})


def test_where_there_are_no_such_users_it_is_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(privileges, "POSIX", False)
    with pytest.raises(StartError, match="this system cannot"):
        identity(ANYBODY)


@posix
def test_only_root_can(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(StartError, match="only root"):
        identity(ANYBODY)


@root
@pytest.mark.parametrize(
    ("user", "group", "why"),
    [
        ("nobody-of-that-name", None, "no such user"),
        ("nobody", "no-such-group", "no such group"),
        ("root", None, "somebody else than root"),
    ],
)
def test_whom_it_cannot_become(user: str, group: str | None, why: str) -> None:
    with pytest.raises(StartError, match=why):
        identity(Settings(user=user, group=group, lang="en"))


@root
def test_who_cannot_read_the_program_cannot_run_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hidden = tmp_path / "hidden"
    hidden.touch(mode=0o600)
    monkeypatch.setattr(privileges, "NEEDED", (hidden,))
    with pytest.raises(StartError, match="cannot read"):
        identity(ANYBODY)
    assert os.geteuid() == 0 and os.getegid() == 0


# -- the whole program -------------------------------------------------------------------------------------------------

PORT = 799
"""Below 1024: for root alone."""


def public_python() -> str:
    """A Python that everybody can read, which one within root's home is not."""
    for program in (sys.executable, shutil.which("python3", path="/usr/bin")):
        if program is not None and _runs_as_nobody(program):
            return program
    pytest.skip("no Python of 3.11 or newer that others than root can read")


def _runs_as_nobody(program: str) -> bool:
    """Whether it does, and is new enough."""
    code = "import sys; assert sys.version_info >= (3, 11)"
    try:
        subprocess.run([program, "-c", code], user="nobody", group="nogroup", capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return False
    return True


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One that nobody else may write into than the user nobody, and that he can reach."""
    made = Path(f"/tmp/sipfullproxy-nobody-{os.getpid()}")
    made.mkdir(mode=0o755)
    shutil.chown(made, "nobody", "nogroup")
    yield made
    shutil.rmtree(made)


@pytest.mark.io
@root
def test_it_opens_ports_as_root_and_writes_as_somebody_else(folder: Path) -> None:
    command = [
        public_python(), str(HERE.parent / "main.py"), "127.0.0.1", "--port", str(PORT), "--no-web", "--lang", "en",
        "--user", "nobody", "--group", "nogroup", "--journal", str(folder / "logs" / "proxy.log"),
        "--state", str(folder / "state"),
    ]  # fmt: skip
    proxy = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
            phone.settimeout(1)

            def answered() -> bool:
                phone.sendto(OPTIONS, ("127.0.0.1", PORT))
                try:
                    return phone.recv(4096).startswith(b"SIP/2.0 200 ")
                except OSError:
                    return proxy.poll() is not None

            assert eventually(answered, "an answer", within=PATIENCE)
        lines = Path(f"/proc/{proxy.pid}/status").read_text("ascii").splitlines()
        status = {name: value for name, _, value in (line.partition(":\t") for line in lines)}
    finally:
        proxy.terminate()
        _, complaints = proxy.communicate(timeout=PATIENCE)
    assert complaints == ""
    nobody = status["Uid"].split()[0]
    assert nobody != "0" and status["Uid"].split() == [nobody] * 4
    assert len(set(status["Gid"].split())) == 1 and status["Gid"].split()[0] != "0"
    assert "0" not in status["Groups"].split()
    assert int(status["CapEff"], 16) == int(status["CapPrm"], 16) == 0
    files = [file for file in folder.rglob("*") if file.is_file()]
    assert {file.name for file in files} >= {"proxy.log", "flow.key"}
    assert {file.stat().st_uid for file in files} == {int(nobody)}
    assert stat.S_IMODE((folder / "state" / "flow.key").stat().st_mode) == 0o600


OPTIONS = (
    b"OPTIONS sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK1;rport\r\nMax-Forwards: 1\r\n"
    b"From: <sip:a@127.0.0.1>;tag=a\r\nTo: <sip:127.0.0.1>\r\nCall-ID: power\r\nCSeq: 1 OPTIONS\r\n\r\n"
)


# -- what is not in the package ----------------------------------------------------------------------------------------

FORBIDDEN_CALLS = {"eval", "exec", "compile", "__import__", "breakpoint"}
FORBIDDEN_MODULES = {
    "pickle", "cPickle", "shelve", "marshal", "dill", "yaml", "subprocess", "pty", "code", "codeop", "ctypes", "pdb",
    "xmlrpc",
}  # fmt: skip
FORBIDDEN_OF_OS = {"system", "popen", "execv", "execve", "execvp", "spawnv", "spawnl", "posix_spawn", "startfile"}

ALLOWED = {
    # `--workers`: our own program, by words of ours, and what it says to itself over a pair of sockets of its own.
    ("sipfullproxy.workers.foreman", "subprocess"),
    ("sipfullproxy.workers.parcel", "marshal"),
    ("sipfullproxy.workers.feed", "marshal"),
}
"""(module, what). Whoever adds one says why no stranger's bytes decide anything there."""


def dangers(name: str) -> set[str]:
    """What in a module could run what it is given."""
    found = set()
    for node in ast.walk(ast.parse(FILES[name].read_bytes())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in FORBIDDEN_CALLS:
            found.add(node.func.id)
        elif isinstance(node, ast.Attribute) and ast.unparse(node.value) == "os" and node.attr in FORBIDDEN_OF_OS:
            found.add(f"os.{node.attr}")
        elif isinstance(node, ast.keyword) and node.arg == "shell":
            found.add("shell=")
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name.split(".")[0] in FORBIDDEN_MODULES}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in FORBIDDEN_MODULES:
            found.add(node.module or "")
    return found


@each(FILES)
def test_no_shell_no_pickle_no_eval(name: str) -> None:
    assert not {(name, danger) for danger in dangers(name)} - ALLOWED
