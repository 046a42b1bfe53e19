"""Download one file over HTTP, with retries, word what went wrong, and keep what came."""

import time
import urllib.error
import urllib.request
from http import HTTPStatus
from http.client import HTTPException
from pathlib import Path

from diffragan import __version__
from diffragan.errors import InputError
from diffragan.io.files import atomic_path

TIMEOUT_S = 30.0
ATTEMPTS = 4
"""One try and up to three more."""

FIRST_PAUSE_S = 0.5
"""Doubled after each failure, so that a busy server is not pressed."""


class NotOnServerError(InputError):
    """The server answered that it has no such file."""


class NoConnectionError(InputError):
    """No answer came from the server, or only failures."""


def download(
    url: str,
    timeout_s: float = TIMEOUT_S,
    attempts: int = ATTEMPTS,
    first_pause_s: float = FIRST_PAUSE_S,
) -> bytes:
    """Return what lies at an http(s) address.

    Failures of the server (5xx) and of the connection are tried again, up to `attempts` times.

    Raises
    ------
    NotOnServerError : The server answered 404 or 410.
    NoConnectionError : No usable answer after the last attempt.
    InputError : The address is not http(s), or the server refused.
    """
    if not url.startswith(("http://", "https://")):
        raise InputError(f"{url}: is not an http:// or https:// address")
    reason = ""
    for attempt in range(attempts):
        if attempt:
            time.sleep(first_pause_s * 2 ** (attempt - 1))
        try:
            return _get(url, timeout_s)
        except urllib.error.HTTPError as error:
            error.close()
            reason = f"the server answered {error.code} {error.reason}"
            if error.code in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
                raise NotOnServerError(f"{url}: does not exist on the server") from None
            if error.code < HTTPStatus.INTERNAL_SERVER_ERROR:
                raise InputError(f"{url}: {reason}") from None
        except (OSError, HTTPException) as error:  # URLError and timeouts are OSErrors
            reason = str(getattr(error, "reason", "") or error or type(error).__name__)
    raise NoConnectionError(f"{url}: no download after {attempts} attempts ({reason})")


def _get(url: str, timeout_s: float) -> bytes:
    request = urllib.request.Request(url, headers={"User-Agent": f"diffragan/{__version__}"})
    with urllib.request.urlopen(request, timeout=timeout_s) as answer:
        data: bytes = answer.read()
    return data


def keep(data: bytes, path: Path) -> None:
    """Write what was downloaded, whole or not at all.

    Raises
    ------
    OutputError : The folder is missing or cannot be written to.
    """
    with atomic_path(path) as beside:
        beside.write_bytes(data)
