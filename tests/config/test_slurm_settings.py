"""The file of --slurm: known keys, possible values."""

from pathlib import Path

import pytest

from diffragan.cli.main import run
from diffragan.config.load import load_slurm
from diffragan.errors import ConfigError


def test_a_file_is_read_and_validated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "slurm.yaml"
    file.write_text("kind: slurm\nqueue: long\nworkers_per_job: 8\nmemory_gb: 16\n")
    settings = load_slurm(file)
    assert (settings.queue, settings.workers_per_job, settings.walltime) == ("long", 8, "04:00:00")
    assert run(["validate", str(file)]) == 0
    assert "memory_gb: 16.0" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("memory: 4 GB", "did you mean 'memory_gb'?"),
        ("walltime: soon", "walltime: String should match"),
        ("workers_per_job: 0", "workers_per_job"),
        ("job_extra_directives: --nice", "job_extra_directives"),
    ],
)
def test_a_mistake_names_its_key(text: str, words: str, tmp_path: Path) -> None:
    file = tmp_path / "slurm.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_slurm(file)
    assert words in str(caught.value)
