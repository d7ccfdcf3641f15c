"""MEMORY: what becomes of the engine's events and messages: the text journal, the hooks of a student's own program, the
tape of messages, the book of calls, and the database of both.

Everything here runs on a thread of its own, behind a bounded queue: a slow hook, a full disk or a hostile name may
cost lines of the journal, but it never costs a call. This room knows the engine's events and SIP's words, and nothing
of sockets, servers or pages.
"""
