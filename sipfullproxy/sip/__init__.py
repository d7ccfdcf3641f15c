"""WORDS: what SIP says. Pure: bytes in, values out; no socket, no thread, no clock, no randomness.

Everything works on `bytes`, because a proxy passes on what it does not understand, byte for byte.
"""
