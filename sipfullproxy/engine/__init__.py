"""DECISIONS: what a proxy does with a message. Pure: time, randomness and addresses come in as arguments.

The border is the class `Engine` in `engine.py`; each other file answers to one part of an RFC, named in its docstring.
"""
