"""Flows in the virtual lab's words, each played by the same phones at both proxies.

A flow asserts nothing: what comes of it is compared. Where a phone waits for a message that does not come, it ends.
"""
