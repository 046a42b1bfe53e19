"""The Dragonfly that is installed."""

import shutil
import subprocess

from diffragan.errors import MissingExtraError
from diffragan.reconstruction.dragonfly.messages import EMC, REMEDY, reason

SECONDS = 120


def find_dragonfly() -> str:
    """Find Dragonfly's program on the path, and make sure that it starts.

    Raises
    ------
    MissingExtraError : It is not there, or a library of its own is missing.
    """
    program = shutil.which(EMC)
    if program is None:
        raise MissingExtraError(f"{EMC} is not on the path; {REMEDY}")
    try:
        done = subprocess.run(
            [program, "--help"],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise MissingExtraError(f"{EMC} cannot be run ({type(error).__name__}); {REMEDY}") from None
    if done.returncode != 0:
        why = reason((done.stdout + done.stderr).splitlines())
        raise MissingExtraError(f"{EMC} does not start ({why}); {REMEDY}")
    return program
