"""Nonces: numbers that a login is good for once (RFC 3261 §22.4, RFC 7616 §3.3, §5.4, §5.5).

A nonce carries its age and a signature, so that asking costs no memory, however many strangers are asked. Only who has
logged in with one is remembered, with the count that came with it: the same credentials are not taken twice.

It is good for the address that it was sent to, and no other. So whoever brings one back is really there: he has read
what was sent to him.
"""

from __future__ import annotations

import binascii
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections import OrderedDict

LIFETIME = 300.0
"""Seconds. A phone that calls again within them saves a round trip; who overhears a login has no longer to guess."""

NONCES = 50_000
"""Of which the counts are remembered, at about 200 bytes each. With more logins than that within LIFETIME the oldest
are not taken any more, and their owners are asked anew."""

SIGNATURE = 12
"""Bytes of the HMAC that are kept: 96 bits, and nobody can try them but by asking us."""

_STAMP = 6
"""Bytes of the time in milliseconds, and of the serial number: both last for thousands of years."""


class Nonces:
    """Makes and spends nonces with one secret key, which nobody else has: so those of a former run are void."""

    __slots__ = ("_counts", "_forgotten", "_key", "_serial")

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._serial = 0
        # By what a nonce says of itself; these grow, so that whatever is not above one of them was made before it.
        self._counts: OrderedDict[bytes, int] = OrderedDict()
        self._forgotten = b""

    def __len__(self) -> int:
        return len(self._counts)

    def make(self, now: float, whose: str) -> bytes:
        """A new nonce; no two are the same. now: monotonic seconds. whose: the address that it is sent to."""
        self._serial += 1
        made = int(now * 1000).to_bytes(_STAMP, "big") + self._serial.to_bytes(_STAMP, "big")
        return urlsafe_b64encode(made + self._sign(made, whose))

    def read(self, nonce: bytes, now: float, whose: str) -> bytes | None:
        """What a nonce says of itself that came from the address `whose`; None where it is not ours, was sent to
        another address, or is too old."""
        made = self._ours(nonce, whose)
        return None if made is None or made <= self._forgotten or self._too_old(made, now) else made

    def spend(self, made: bytes, count: int, now: float, *, repeated: bool = False) -> bool:
        """Take what was read of a nonce that came with right credentials; False where it was used so often already.

        count: how often its owner says that he used it, from 1; it must be above the last one. repeated: whether the
        last one itself may come again.
        """
        counts = self._counts
        last = counts.get(made, 0)
        if count < last or (count == last and not (last and repeated)):
            return False
        if not last:
            self._make_room(now)
        counts[made] = count
        return True

    def _make_room(self, now: float) -> None:
        """Forget what is too old; and the first one where there are too many. What was made before it goes with it: of
        those nobody knows any more how often they were used."""
        counts = self._counts
        while counts and self._too_old(oldest := next(iter(counts)), now):
            del counts[oldest]
        if len(counts) >= NONCES:
            first, _ = counts.popitem(last=False)
            self._forgotten = max(self._forgotten, first)

    def _ours(self, nonce: bytes, whose: str) -> bytes | None:
        try:
            signed = urlsafe_b64decode(nonce)
        except (ValueError, binascii.Error):
            return None
        made, signature = signed[: 2 * _STAMP], signed[2 * _STAMP :]
        return made if hmac.compare_digest(signature, self._sign(made, whose)) else None

    def _too_old(self, made: bytes, now: float) -> bool:
        return now - int.from_bytes(made[:_STAMP], "big") / 1000 > LIFETIME

    def _sign(self, made: bytes, whose: str) -> bytes:
        return hmac.digest(self._key, made + whose.encode(), "sha256")[:SIGNATURE]
