"""How a session unfolds: who speaks when, what actions do, when it is over."""
