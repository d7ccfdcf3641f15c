"""`python -m sipfullproxy`: the same as main.py."""

import sys

from sipfullproxy.cli import main

sys.exit(main(sys.argv[1:]))
