import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from diffragan.errors import InputError, OutputError
from diffragan.io.download import NoConnectionError, NotOnServerError, download, keep


class Scripted(BaseHTTPRequestHandler):
    """Answer with the next status of a script; 200 carries a body."""

    script: ClassVar[list[int]] = []
    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        self.send_response(self.script.pop(0))
        self.end_headers()
        self.wfile.write(b"content")

    def log_message(self, *_: object) -> None:
        """Keep the tests' output clean."""


@pytest.fixture
def server() -> Iterator[str]:
    Scripted.script = []
    Scripted.asked = []
    with HTTPServer(("127.0.0.1", 0), Scripted) as service:
        thread = threading.Thread(target=service.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{service.server_port}"
        service.shutdown()
        thread.join()


def test_what_lies_there_comes_back(server: str) -> None:
    Scripted.script = [200]
    assert download(f"{server}/a") == b"content"
    assert Scripted.asked == ["/a"]


def test_a_failing_server_is_asked_again(server: str) -> None:
    Scripted.script = [500, 503, 502, 200]
    assert download(f"{server}/a", first_pause_s=0.001) == b"content"
    assert len(Scripted.asked) == 4


def test_a_server_that_keeps_failing(server: str) -> None:
    Scripted.script = [503] * 9
    with pytest.raises(NoConnectionError, match=r"after 4 attempts .*503"):
        download(f"{server}/a", first_pause_s=0.001)
    assert len(Scripted.asked) == 4


@pytest.mark.parametrize(("status", "error"), [(404, NotOnServerError), (403, InputError)])
def test_a_refusal_is_final(server: str, status: int, error: type[Exception]) -> None:
    Scripted.script = [status] * 9
    with pytest.raises(error):
        download(f"{server}/a", first_pause_s=0.001)
    assert len(Scripted.asked) == 1


def test_no_server() -> None:
    with pytest.raises(NoConnectionError, match="refused"):
        download("http://127.0.0.1:9/a", first_pause_s=0.001)


def test_only_http() -> None:
    with pytest.raises(InputError, match="is not an http"):
        download("file:///etc/hostname")


def test_keeping_is_whole_or_not_at_all(tmp_path: Path) -> None:
    keep(b"content", tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == b"content"
    with pytest.raises(OutputError):
        keep(b"content", tmp_path / "absent" / "a")
