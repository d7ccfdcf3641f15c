"""One file for each family of header values: reading them, and the small rewritings that a proxy does to them."""
