"""Trained weights that come with the package, as safetensors with JSON and a model card."""
