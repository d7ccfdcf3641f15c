"""A second opinion: the same inputs to us and to Kamailio, and a table that explains each difference."""
