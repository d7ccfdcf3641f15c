"""How much a call costs: this proxy against others, on one machine, in one run. `make bench`, or `python -m bench`."""
