"""How fast a model is on this machine, and which settings suit it."""
