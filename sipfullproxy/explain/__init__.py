"""TEACHING: what a message means, why each change was made, what went wrong, what was shown.

Everything here is made when somebody looks, never when a message passes. It reads records, events and cards; it never
reaches into the engine. All text is plain: who puts it into a page escapes it there.
"""
