"""Frozen, typed settings and the presets."""
