"""The physical limit: the same datagrams received and sent on, nothing else. `relay.py PORT A:B …` joins ports."""

import socket
import sys

HOST = "127.0.0.1"


def main(port: int, pairs: list[str]) -> None:
    """Send on whatever comes from one port of a pair to the other one; no answer, no state, no thought."""
    ends = [tuple(map(int, pair.split(":"))) for pair in pairs]
    onward = {(HOST, a): (HOST, b) for a, b in ends} | {(HOST, b): (HOST, a) for a, b in ends}
    door = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    door.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    door.bind((HOST, port))
    while True:
        data, source = door.recvfrom(65_535)
        door.sendto(data, onward[source])


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
