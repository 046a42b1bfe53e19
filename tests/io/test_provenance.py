import hashlib
import json
from importlib.metadata import version
from pathlib import Path

from diffragan import __version__
from diffragan.io.provenance import fingerprint, provenance, sha256_of


def test_the_hash_of_a_file_is_that_of_its_bytes(tmp_path: Path) -> None:
    content = bytes(range(256)) * 10_000
    (tmp_path / "file").write_bytes(content)
    assert sha256_of(tmp_path / "file") == hashlib.sha256(content).hexdigest()


def test_a_fingerprint_does_not_depend_on_the_order_of_keys() -> None:
    assert fingerprint({"a": 1, "b": [2]}) == fingerprint({"b": [2], "a": 1})
    assert fingerprint({"a": 1}) != fingerprint({"a": 2})
    assert fingerprint([1, 2]) != fingerprint([2, 1])


def test_provenance_names_program_settings_seed_inputs_and_libraries() -> None:
    made = provenance("simulate", {"snr": 0.8}, 3, {"test": "ab12"})
    assert (made["program"], made["version"], made["command"]) == (
        "diffragan",
        __version__,
        "simulate",
    )
    assert (made["settings"], made["seed"], made["inputs"]) == ({"snr": 0.8}, 3, {"test": "ab12"})
    assert made["libraries"] == {"numpy": version("numpy"), "torch": version("torch")}


def test_provenance_is_the_same_each_time_and_plain_json() -> None:
    first, second = (provenance("phase", {"a": 1}, None, {}) for _ in range(2))
    assert json.dumps(first) == json.dumps(second)
