"""Nonces: ours, young, and not used before (RFC 7616 §3.3, §5.5)."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode

import pytest

from sipfullproxy.engine import nonces
from sipfullproxy.engine.nonces import LIFETIME, Nonces

NOW = 1000.0


def test_a_nonce_is_spent_with_growing_counts_only() -> None:
    table = Nonces(b"key")
    nonce = table.make(NOW)
    spent = [table.spend(nonce, count, NOW) for count in (0, 1, 1, 2, 5, 4, 5, 6)]
    assert spent == [False, True, False, True, True, False, False, True]


def test_the_last_count_may_be_repeated_where_that_is_asked_for() -> None:
    table = Nonces(b"key")
    nonce = table.make(NOW)
    spent = [table.spend(nonce, count, NOW, repeated=True) for count in (0, 1, 1, 3, 3, 2)]
    assert spent == [False, True, True, True, True, False]


def test_it_grows_old() -> None:
    table = Nonces(b"key")
    early, late = table.make(NOW), table.make(NOW + 1)
    assert table.spend(early, 1, NOW + LIFETIME)
    assert not table.spend(early, 2, NOW + LIFETIME + 0.1)
    assert table.spend(late, 1, NOW + LIFETIME + 0.1)


def test_no_two_are_the_same_and_asking_is_not_remembered() -> None:
    table = Nonces(b"key")
    assert len({table.make(NOW) for _ in range(1000)}) == 1000
    assert len(table) == 0


def test_those_of_another_key_are_none() -> None:
    assert not Nonces(b"key").spend(Nonces(b"other").make(NOW), 1, NOW)


@pytest.mark.parametrize("nonce", [b"", b"x", b"\xff\xfe", b"====", "ž".encode()])
def test_what_is_no_nonce(nonce: bytes) -> None:
    assert not Nonces(b"key").spend(nonce, 1, NOW)


def test_one_that_was_cut_or_changed_is_none() -> None:
    table = Nonces(b"key")
    nonce = table.make(NOW)
    assert not any(table.spend(nonce[:length], 1, NOW) for length in range(len(nonce)))
    raw = urlsafe_b64decode(nonce)
    for place in range(len(raw)):
        changed = raw[:place] + bytes((raw[place] ^ 1,)) + raw[place + 1 :]
        assert not table.spend(urlsafe_b64encode(changed), 1, NOW)
    assert table.spend(nonce, 1, NOW)


def test_what_is_forgotten_is_not_taken_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor is what was made before it, because nobody knows any more whether it was used."""
    monkeypatch.setattr(nonces, "NONCES", 3)
    table = Nonces(b"key")
    unused, *made = [table.make(NOW) for _ in range(5)]
    assert all(table.spend(nonce, 1, NOW) for nonce in made)
    assert len(table) == 3
    assert [table.spend(nonce, 2, NOW) for nonce in (unused, *made)] == [False, False, True, True, True]
    assert table.spend(table.make(NOW), 1, NOW)


def test_what_is_too_old_makes_room() -> None:
    table = Nonces(b"key")
    for _ in range(10):
        assert table.spend(table.make(NOW), 1, NOW)
    assert len(table) == 10
    assert table.spend(table.make(NOW + LIFETIME + 1), 1, NOW + LIFETIME + 1)
    assert len(table) == 1
