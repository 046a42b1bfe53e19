"""Law tests draw the same examples everywhere, and a busy machine fails none by its time."""

from hypothesis import settings

settings.register_profile("repeatable", deadline=None, derandomize=True)
settings.load_profile("repeatable")
