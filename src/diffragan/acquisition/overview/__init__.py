"""The overview image: its defocus, the molecules in it, and where the scan lies on it."""
