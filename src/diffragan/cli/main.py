"""The `diffragan` command: finds the sub-command, runs it, and words its failures.

Only the chosen command's module is imported, so help and errors answer at once.
"""

import contextlib
import errno
import importlib
import io
import os
import re
import signal
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Any

from diffragan import __version__
from diffragan.errors import ConfigError, DiffraganError, nearest

COMMANDS: dict[str, str] = {
    "demo": "the whole way on a small real protein, in minutes, ending in a report",
    "fetch": "download structures from the Protein Data Bank",
    "prepare": "clean PDB or mmCIF structures: one chain, no ligands, hydrogens added",
    "split": "divide structures into training, validation and test without relatives across",
    "simulate": "simulate diffraction patterns and images of prepared structures",
    "train": "train a learned phaser on simulated data",
    "phase": "recover the waves of a data set by a phasing method",
    "evaluate": "judge phased waves against the truth, with controls, and write a report",
    "ingest": "turn a real scan and its overview image into observations to phase",
    "report": "make the report of an evaluation again, with maps to turn",
    "reconstruct": "make a 3D map of phased images, by an engine of its own or by RELION",
    "export": "write a data set as .npy files",
    "bench": "measure the simulation's accuracy and speed, beside abTEM",
    "info": "say what a file is: shape, axes, units, provenance, first problem found",
    "validate": "check a configuration file",
}

ADVICE: dict[int, str] = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT), "free some space and run the command again"),
    **dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS), "choose a place you can write to"),
    **dict.fromkeys(
        (errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.ELOOP),
        "give another path",
    ),
}
"""What to do about what the system refuses."""
EXIT_BAD_INPUT = 2
EXIT_INTERRUPTED = 130

_FRAME = re.compile(r"[╭╮╰╯│─]+|-{3,}")
_HINT = re.compile(r"(For full helptext.*|Argument helptext:.*)$")
_NOT_A_NUMBER = re.compile(
    r"Error parsing (?P<flag>--\S+): .*?(?P<kind>int|float|INT|FLOAT)\b.*?'(?P<given>[^']*)'"
)
_UNKNOWN_OPTION = re.compile(
    r"Unrecognized options: (?P<given>[^\s,]+).*?(?:Perhaps you meant: (?P<known>--\S+)|$)"
)


def usage() -> str:
    """Return the text of `diffragan --help`."""
    width = max(len(name) for name in COMMANDS)
    lines = "\n".join(f"  {name:<{width}}  {text}" for name, text in COMMANDS.items())
    return (
        "usage: diffragan COMMAND [OPTIONS]\n\n"
        "Phase single-molecule electron diffraction: from patterns and noisy images of the same\n"
        "molecules to projection images and a 3D map.\n\n"
        f"commands:\n{lines}\n\n"
        "Start with `diffragan demo`. `diffragan COMMAND --help` explains one command;\n"
        "`diffragan --version` prints the version."
    )


def _parse(command: ModuleType, name: str, arguments: Sequence[str]) -> Any:
    """Read a command's arguments; a mistake becomes one line instead of tyro's framed page."""
    import tyro

    wants_help = any(word in ("-h", "--help") for word in arguments)
    caught = io.StringIO()
    redirect = contextlib.nullcontext() if wants_help else contextlib.redirect_stderr(caught)
    try:
        with redirect:
            return tyro.cli(
                command.Arguments,
                args=list(arguments),
                prog=f"diffragan {name}",
                config=(tyro.conf.FlagCreatePairsOff,),
            )
    except SystemExit as stop:
        if wants_help or not stop.code:
            raise
        words = _HINT.sub("", " ".join(_FRAME.sub(" ", caught.getvalue()).split())).strip()
        raise ConfigError(f"{_plain(words)} (see `diffragan {name} --help`)") from None


def _plain(words: str) -> str:
    """Word tyro's commonest complaints for people who do not know its types."""
    if found := _NOT_A_NUMBER.search(words):
        kind = "a whole number" if "int" in found["kind"].lower() else "a number"
        return f"{found['flag']} is '{found['given']}'; it takes {kind}"
    if found := _UNKNOWN_OPTION.search(words):
        known = f"; did you mean {found['known']}?" if found["known"] else ""
        return f"there is no option '{found['given']}'{known}"
    return words


def _complain(message: str) -> int:
    print("diffragan: " + " ".join(message.split()), file=sys.stderr)
    return EXIT_BAD_INPUT


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code; no bad input lets a traceback out."""
    if not arguments or arguments[0] in ("-h", "--help"):
        print(usage())
        return 0 if arguments else EXIT_BAD_INPUT
    name, *rest = arguments
    if name == "--version":
        print(f"diffragan {__version__}")
        return 0
    return _run_command(name, rest)


def _run_command(name: str, arguments: Sequence[str]) -> int:
    try:
        if name not in COMMANDS:
            raise ConfigError(f"there is no command '{name}'; {nearest(name, COMMANDS)}")
        command = importlib.import_module(f"diffragan.cli.{name}")
        command.run(_parse(command, name, arguments))
    except DiffraganError as error:
        return _complain(str(error))
    except BrokenPipeError:  # the reader of a pipe, as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        advice = ADVICE.get(error.errno or 0)
        if advice is None:
            raise
        where = f"{error.filename}: " if error.filename else ""
        return _complain(f"{where}{str(error.strerror).lower()}; {advice}")
    except MemoryError:
        return _complain("not enough memory; use fewer or smaller images, or fewer workers")
    except KeyboardInterrupt:
        print(
            "diffragan: interrupted; run the same command again to go on, `train` with --resume",
            file=sys.stderr,
        )
        return EXIT_INTERRUPTED
    return 0


def main() -> None:
    """Enter from the shell; exits 0 only when the work is done, 2 for bad input."""
    signal.signal(signal.SIGTERM, _interrupt)
    sys.exit(run(sys.argv[1:]))


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt
