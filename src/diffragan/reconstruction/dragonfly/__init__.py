"""Dragonfly as an engine: our patterns as its files, its program run, its result in our frame."""
