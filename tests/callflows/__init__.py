"""Call flows as RFCs draw them, and how SIPp plays them."""
