"""SHELL: the page in a browser, and the API behind it. The only room that needs libraries from outside.

So it is imported by `page.py` alone, and only when the page is wanted: `site.py` first, which needs nothing, and by
that the rest, on the page's own thread, when phones are served already.
"""
