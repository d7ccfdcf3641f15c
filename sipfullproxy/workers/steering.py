"""Asks the kernel to bring each datagram to the worker that it belongs to (Linux, SO_ATTACH_REUSEPORT_CBPF).

The kernel spreads what comes to one port over the sockets of all workers. It does as a small program of classic BPF
says, which anybody may attach to sockets of his own: here, the same sum over the Call-ID as in `owner.py`. The program
knows the usual spelling only, and knows no loops, so each step of its search is written out. Where it does not find the
Call-ID the first worker gets the message, and hands it over: a wrong guess costs time and nothing else.
"""

from __future__ import annotations

import socket
import struct
from array import array
from typing import Final, NamedTuple

from sipfullproxy.workers.owner import MODULUS, SUMMED

HEADER: Final = b"\nCall-ID: "
"""What is sought. One place in four is looked at, so one of four words of it is met: those that begin in SHIFTS, which
are not seen elsewhere, as the beginning of "Caller" would be."""

SHIFTS: Final = (2, 3, 4, 5)

FAR: Final = (2_000, 400)
"""Bytes of a message in which the Call-ID is sought: as many as the kernel takes. A program has 4,096 steps at most,
and fewer before Linux 6.7, unless somebody has raised net.core.optmem_max."""

_WORD = 4
_ATTACH = 51  # SO_ATTACH_REUSEPORT_CBPF of <asm-generic/socket.h>; Python has no name for it

# <linux/bpf_common.h>: the steps that are used. A and X are the registers, M the memory, P the datagram behind its
# header of UDP, K the step's own number. A load from behind the end of P ends the program with 0, the first worker.
_A_FROM_P32, _A_FROM_P32_AT_X, _A_FROM_P8_AT_X = 0x20, 0x40, 0x50
_A_FROM_K, _A_FROM_X, _A_FROM_M, _M_FROM_A, _X_FROM_A, _X_FROM_K, _X_FROM_M = 0x00, 0x87, 0x60, 0x02, 0x07, 0x01, 0x61
_ADD_K, _ADD_X, _MODULO_K, _JUMP, _JUMP_IF_EQUAL, _RETURN_A, _RETURN_K = 0x04, 0x0C, 0x94, 0x05, 0x15, 0x16, 0x06

_SUM, _PLACE = 0, 1  # where M has them
_CR = 0x0D


class Step(NamedTuple):
    """One step of a program: what it does, its number, how many steps a comparison skips if it holds, and if not."""

    code: int
    number: int = 0
    if_so: int = 0
    if_not: int = 0


def program(workers: int, far: int) -> list[Step]:
    """The program for so many workers: it returns the number of the one that a datagram belongs to."""
    search: list[Step] = []
    places = range(0, far, _WORD)
    for left, place in zip(reversed(range(len(places))), places, strict=True):
        search += [
            Step(_X_FROM_K, place), Step(_A_FROM_P32, place),
            *(Step(_JUMP_IF_EQUAL, _word(shift), if_so=SHIFTS[-1] - shift) for shift in SHIFTS[:-1]),
            Step(_JUMP_IF_EQUAL, _word(SHIFTS[-1]), if_not=1),
            Step(_JUMP, 7 * left + 1),
        ]  # fmt: skip
    shared_out = Step(_MODULO_K, MODULUS), Step(_MODULO_K, workers), Step(_RETURN_A)
    return [*search, Step(_RETURN_K), *_found(), *_summed(), *shared_out]


def steer(port: socket.socket, workers: int) -> bool:
    """Have the kernel steer what comes to this port, which so many workers share. Returns whether it does."""
    for far in FAR:
        steps = program(workers, far)
        # An array says where it is in memory, which the kernel wants to know.
        code = array(
            "B", b"".join(struct.pack("HBBI", step.code, step.if_so, step.if_not, step.number) for step in steps)
        )
        place, _ = code.buffer_info()
        try:
            port.setsockopt(socket.SOL_SOCKET, _ATTACH, struct.pack("HP", len(steps), place))
            return True
        except OSError:  # too long, or a kernel that knows no such thing
            continue
    return False


def _word(shift: int) -> int:
    return int.from_bytes(HEADER[shift : shift + _WORD], "big")


def _found() -> list[Step]:
    """A is a word of the header, X its place. Puts the place of what stands behind the header into X and M; ends the
    program where it is another header."""
    *others, last = SHIFTS
    steps = [Step(_JUMP_IF_EQUAL, _word(shift), if_so=2 - at + 3 * (at + 1)) for at, shift in enumerate(others)]
    for left, shift in zip(reversed(range(len(SHIFTS))), (last, *others), strict=True):
        steps += [Step(_A_FROM_X), Step(_ADD_K, -shift % 2**32), Step(_JUMP, 3 * left)]
    steps.append(Step(_X_FROM_A))
    for shift in (0, _WORD, len(HEADER) - _WORD):
        steps += [Step(_A_FROM_P32_AT_X, shift), Step(_JUMP_IF_EQUAL, _word(shift), if_so=1), Step(_RETURN_K)]
    return [*steps, Step(_A_FROM_X), Step(_ADD_K, len(HEADER)), Step(_M_FROM_A, _PLACE), Step(_X_FROM_M, _PLACE)]


def _summed() -> list[Step]:
    """X is the place of the Call-ID. Puts the sum of its bytes into A."""
    steps = [Step(_A_FROM_K), Step(_M_FROM_A, _SUM)]
    for left in reversed(range(SUMMED)):
        place = SUMMED - 1 - left
        steps += [
            Step(_A_FROM_P8_AT_X, place), Step(_JUMP_IF_EQUAL, _CR, if_so=6 * left + 4),
            Step(_X_FROM_M, _SUM), Step(_ADD_X), Step(_M_FROM_A, _SUM), Step(_X_FROM_M, _PLACE),
        ]  # fmt: skip
    return [*steps, Step(_A_FROM_M, _SUM)]
