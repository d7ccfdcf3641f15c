"""The page in a real browser, at a running proxy, with phones that are sockets."""
