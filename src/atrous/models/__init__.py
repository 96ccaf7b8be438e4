"""From a config to a whole network."""
