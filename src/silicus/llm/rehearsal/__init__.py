"""The embedded provider: participants, coder and coordinator with stated laws, and no key, network or weights."""
