"""Molecules: find, clean and describe them; the atoms that physics works on."""
