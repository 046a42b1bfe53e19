"""The errors a user can cause; each message says what is wrong, where, and what to do.

The command line prints such an error as one line and exits with code 2. Anything else that
escapes is a defect of the program.
"""

from collections.abc import Iterable
from difflib import get_close_matches


class DiffraganError(Exception):
    """Root of the family."""


class InputError(DiffraganError):
    """A file or value that was handed in cannot be used."""


class NothingObservedError(InputError):
    """A scan was looked at to its end, and no frame of it can be handed over."""


class ConfigError(DiffraganError):
    """A configuration, preset or option is not understood."""


class OutputError(DiffraganError):
    """A result cannot be written where it was asked for."""


class MissingExtraError(DiffraganError):
    """An optional package or program is needed and not installed."""


class ProgramError(DiffraganError):
    """An external program failed; the message gives its reason and the place of its log."""


def nearest(word: str, known: Iterable[str]) -> str:
    """Say which known word a wrong one resembles, for the end of an error message."""
    options = sorted(known)
    match = get_close_matches(word, options, n=1, cutoff=0.5)
    if match:
        return f"did you mean '{match[0]}'?"
    return "known: " + ", ".join(options)
