"""The ladder of a call: what passed between the phones and the proxy, for eyes, reports, terminals and Wireshark.

`model.py` makes the ladder of records; `svg.py`, `mermaid.py` and `text.py` draw it. `pcap.py` writes the records as a
capture. All of it is done when somebody looks.
"""
