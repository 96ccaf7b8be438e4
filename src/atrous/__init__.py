"""atrous."""
