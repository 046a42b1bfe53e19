"""How far a map can be trusted, and how a model lies in it."""
