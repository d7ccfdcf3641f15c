"""A phone of the virtual lab that knows a password, and users who have one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sipfullproxy.engine.config import Users
from sipfullproxy.sip.digest import ALGORITHMS, MD5, SHA256, Challenge, Credentials, hash_of, proof, read_challenge
from sipfullproxy.sip.message import Request, Response, value_of
from sipfullproxy.users import UsersFile, write
from tests.helpers import PROXY, Phone

REALM = b"sipfullproxy"
PASSWORDS = {"alice": "apple", "bob": "banana", "carol": "cherry", "mária": "mäta"}
URI = f"sip:{PROXY[0]}"


def hashes(passwords: Mapping[str, str], *algorithms: bytes) -> dict[bytes, dict[bytes, bytes]]:
    """The hashes of these users' passwords by these algorithms, or by all."""
    return {
        user.encode(): {
            algorithm: hash_of(algorithm, user.encode(), REALM, password.encode())
            for algorithm in algorithms or ALGORITHMS
        }
        for user, password in passwords.items()
    }


def users(*, calls: bool = False) -> Users:
    """Those of PASSWORDS."""
    return Users(realm=REALM, hashes=hashes(PASSWORDS), calls=calls)


def users_file(folder: Path, *algorithms: bytes, **passwords: str) -> str:
    """The path of a file of users, for a running proxy."""
    file = UsersFile(algorithms=algorithms or ALGORITHMS)
    for name, password in passwords.items():
        file = file.with_user(name, password)
    write(folder / "users.toml", file)
    return str(folder / "users.toml")


def challenges(response: Response) -> list[Challenge]:
    """The challenges in a response, in their order; each must be one that can be read."""
    name = b"www-authenticate" if response.status == 401 else b"proxy-authenticate"
    read = [read_challenge(value_of(response.lines[position])) for position in response.where.get(name, ())]
    assert None not in read
    return [challenge for challenge in read if challenge is not None]


def chosen(response: Response, algorithm: bytes = SHA256, realm: bytes = REALM) -> Challenge:
    """The challenge of that algorithm and realm."""
    (one,) = (one for one in challenges(response) if one.algorithm == algorithm and one.realm == realm)
    return one


def credentials(
    challenge: Challenge, method: str, uri: str, user: str, password: str | None = None, *, times: int = 1,
    **changed: bytes,
) -> Credentials:  # fmt: skip
    """What proves a password: the user's own, or another one. changed: fields that lie, before the proof is made."""
    made = Credentials(
        user.encode(), challenge.realm, challenge.nonce, uri.encode(), algorithm=challenge.algorithm, qop=b"auth",
        cnonce=b"c", nc=b"%08x" % times,
    )._replace(**changed)  # fmt: skip
    algorithm = made.hash_name if made.hash_name in ALGORITHMS else MD5
    secret = PASSWORDS.get(user, "") if password is None else password
    ha1 = hash_of(algorithm, made.user, made.realm, secret.encode())
    return made._replace(response=proof(made, algorithm, ha1, method.encode()))


def authorization(made: Credentials) -> str:
    """As a header line that answers a 401."""
    return f"Authorization: {made.encode().decode()}"


def proxy_authorization(made: Credentials) -> str:
    """As a header line that answers a 407."""
    return f"Proxy-Authorization: {made.encode().decode()}"


def log_in(phone: Phone, password: str | None = None, *, algorithm: bytes = SHA256, **more: Any) -> Response:
    """REGISTER, and again with what the 401 wants. Returns the second answer."""
    challenge = chosen(phone.register(), algorithm)
    made = credentials(challenge, "REGISTER", URI, phone.user, password)
    return phone.register(headers=(authorization(made),), **more)


def challenged(phone: Phone, whom: str, **more: Any) -> tuple[Request, Response]:
    """INVITE, and the 407 that comes back, acknowledged."""
    sent = phone.invite(whom, **more)
    response = phone.takes(407)
    phone.ack_failure(sent, response)
    return sent, response


def invite(phone: Phone, whom: str, **more: Any) -> Request:
    """The same, and again with the login that is wanted."""
    first, response = challenged(phone, whom)
    made = credentials(chosen(response), "INVITE", first.uri_text.decode(), phone.user, **more)
    return phone.invite(
        whom, headers=(proxy_authorization(made),), cseq=first.cseq + 1, call_id=first.call_id.decode(),
        from_=(first.first(b"from") or b"").decode(),
    )  # fmt: skip
