"""Start the proxy: `python main.py 192.168.1.10`. More with `python main.py --help`."""

import sys

if __name__ == "__main__":
    if sys.version_info < (3, 11):  # noqa: UP036  # the interpreter that the user has need not be the one we ask for
        sys.exit("sipfullproxy: treba Python 3.11+ / Python 3.11+ is needed")  # ASCII: Python 2 reads this line, too
    from sipfullproxy.cli import main

    sys.exit(main(sys.argv[1:]))
