"""caudal."""
