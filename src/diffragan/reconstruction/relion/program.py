"""The RELION that is installed: where it is, its version, and what it can do."""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from typing import Literal

from diffragan.errors import MissingExtraError

OLDEST = (3, 1)
"""The first with optics groups in its STAR files."""
REFINE, REFINE_MPI = "relion_refine", "relion_refine_mpi"
RECONSTRUCT, POSTPROCESS = "relion_reconstruct", "relion_postprocess"
SECONDS = 60
_VERSION = re.compile(r"(\d+)\.(\d+)")
UNTOLD = frozenset({"continue"})
"""Options that every version has, and its help does not name."""
_OPTION = re.compile(r"--([a-z0-9_]+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Relion:
    """What can be called, and with which options."""

    version: str
    options: frozenset[str]
    """That relion_refine's help names."""
    launcher: tuple[str, ...]
    """How to start its parallel program, up to the number of ranks; empty where there is none."""

    @property
    def initial_model(self) -> Literal["grad", "sgd"]:
        """Its way to an initial model: VDAM from version 4 on, stochastic descent before."""
        return "grad" if "grad" in self.options else "sgd"

    def supported(self, words: list[str]) -> list[str]:
        """Leave out options, with their values, that this version does not know."""
        kept: list[str] = []
        known = True
        for word in words:
            if word.startswith("--"):
                known = word[2:] in self.options
            if known:
                kept.append(word)
        return kept


def find_relion() -> Relion:
    """Find RELION on the path, and ask it.

    Raises
    ------
    MissingExtraError : It is not installed, too old, or cannot make an initial model.
    """
    for program in (REFINE, RECONSTRUCT):
        if shutil.which(program) is None:
            raise MissingExtraError(
                f"{program} is not on the path; install RELION 3.1 or later (on Debian: apt "
                "install relion), or use --engine embedded"
            )
    version = _say([REFINE, "--version"])
    found = _VERSION.search(version)
    if found is None:
        raise MissingExtraError(
            f"{REFINE} --version says '{' '.join(version.split())[:60]}', which names no version "
            "of RELION; reinstall it, or use --engine embedded"
        )
    if (int(found[1]), int(found[2])) < OLDEST:
        raise MissingExtraError(
            f"RELION {found[0]} is too old: optics groups need 3.1 or later; update it, or use "
            "--engine embedded"
        )
    options = UNTOLD | frozenset(_OPTION.findall(_say([REFINE, "--help"])))
    if not options & {"grad", "sgd"}:
        raise MissingExtraError(
            f"RELION {found[0]} knows neither --grad nor --sgd; use another, or --engine embedded"
        )
    number = re.search(r"\d+\.\d+\S*", version)
    return Relion(number[0] if number else found[0], options, _launcher())


def _launcher() -> tuple[str, ...]:
    mpirun = shutil.which("mpirun")
    if mpirun is None or shutil.which(REFINE_MPI) is None:
        return ()
    words = [mpirun]
    if "open mpi" in _say([mpirun, "--version"]).lower():
        words.append("--oversubscribe")  # else it refuses more ranks than cores
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            words.append("--allow-run-as-root")
    return (*words, "-n")


def _say(command: list[str]) -> str:
    """Return all that a program prints."""
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise MissingExtraError(
            f"{command[0]} cannot be run ({type(error).__name__}); reinstall RELION, or use "
            "--engine embedded"
        ) from None
    return done.stdout + done.stderr
