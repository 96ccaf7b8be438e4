"""Parts that know nothing of the network around them."""
