"""The commands: one small module each, heavy imports inside."""
