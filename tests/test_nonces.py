"""Nonces: ours, young, and not used before (RFC 7616 §3.3, §5.5)."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode

import pytest

from sipfullproxy.engine import nonces
from sipfullproxy.engine.nonces import LIFETIME, Nonces

NOW = 1000.0
HERE = "10.0.0.10"


def spend(table: Nonces, nonce: bytes, count: int, now: float, *, repeated: bool = False) -> bool:
    """Bring a nonce back from the address that it was sent to."""
    made = table.read(nonce, now, HERE)
    return made is not None and table.spend(made, count, now, repeated=repeated)


def test_a_nonce_is_spent_with_growing_counts_only() -> None:
    table = Nonces(b"key")
    nonce = table.make(NOW, HERE)
    spent = [spend(table, nonce, count, NOW) for count in (0, 1, 1, 2, 5, 4, 5, 6)]
    assert spent == [False, True, False, True, True, False, False, True]


def test_the_last_count_may_be_repeated_where_that_is_asked_for() -> None:
    table = Nonces(b"key")
    nonce = table.make(NOW, HERE)
    spent = [spend(table, nonce, count, NOW, repeated=True) for count in (0, 1, 1, 3, 3, 2)]
    assert spent == [False, True, True, True, True, False]


def test_it_grows_old() -> None:
    table = Nonces(b"key")
    early, late = table.make(NOW, HERE), table.make(NOW + 1, HERE)
    assert spend(table, early, 1, NOW + LIFETIME)
    assert not spend(table, early, 2, NOW + LIFETIME + 0.1)
    assert spend(table, late, 1, NOW + LIFETIME + 0.1)


def test_no_two_are_the_same_and_asking_is_not_remembered() -> None:
    table = Nonces(b"key")
    assert len({table.make(NOW, HERE) for _ in range(1000)}) == 1000
    assert len(table) == 0


def test_those_of_another_key_are_none() -> None:
    assert not spend(Nonces(b"key"), Nonces(b"other").make(NOW, HERE), 1, NOW)


@pytest.mark.parametrize("nonce", [b"", b"x", b"\xff\xfe", b"====", "ž".encode()])
def test_what_is_no_nonce(nonce: bytes) -> None:
    assert not spend(Nonces(b"key"), nonce, 1, NOW)


def test_one_that_was_cut_or_changed_is_none() -> None:
    table = Nonces(b"key")
    nonce = table.make(NOW, HERE)
    assert not any(spend(table, nonce[:length], 1, NOW) for length in range(len(nonce)))
    raw = urlsafe_b64decode(nonce)
    for place in range(len(raw)):
        changed = raw[:place] + bytes((raw[place] ^ 1,)) + raw[place + 1 :]
        assert not spend(table, urlsafe_b64encode(changed), 1, NOW)
    assert spend(table, nonce, 1, NOW)


def test_what_is_forgotten_is_not_taken_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor is what was made before it, because nobody knows any more whether it was used."""
    monkeypatch.setattr(nonces, "NONCES", 3)
    table = Nonces(b"key")
    unused, *made = [table.make(NOW, HERE) for _ in range(5)]
    assert all(spend(table, nonce, 1, NOW) for nonce in made)
    assert len(table) == 3
    assert [spend(table, nonce, 2, NOW) for nonce in (unused, *made)] == [False, False, True, True, True]
    assert spend(table, table.make(NOW, HERE), 1, NOW)


def test_what_is_too_old_makes_room() -> None:
    table = Nonces(b"key")
    for _ in range(10):
        assert spend(table, table.make(NOW, HERE), 1, NOW)
    assert len(table) == 10
    assert spend(table, table.make(NOW + LIFETIME + 1, HERE), 1, NOW + LIFETIME + 1)
    assert len(table) == 1


def test_it_is_good_for_the_address_that_it_was_sent_to() -> None:
    table = Nonces(b"key")
    nonce = table.make(NOW, HERE)
    assert table.read(nonce, NOW, "10.0.0.11") is None
    assert table.read(nonce, NOW, "") is None
    assert table.read(nonce, NOW, HERE) is not None
