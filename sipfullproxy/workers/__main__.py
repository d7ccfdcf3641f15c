"""`python -m sipfullproxy.workers NUMBER`: what `foreman.py` starts, with the number of an open socket."""

import socket
import sys

from sipfullproxy.workers.worker import main

main(socket.socket(fileno=int(sys.argv[1])))
