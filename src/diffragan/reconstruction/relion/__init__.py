"""RELION as an engine: found, asked what it can do, run, resumed, and read back."""
