"""Lines of a test device on a reference."""
