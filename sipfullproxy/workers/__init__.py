"""Several processes on one port (Linux): whose message it is, what they tell each other, who watches over them."""
