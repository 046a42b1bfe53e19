"""What the terminal shows of an evaluation, many inputs at once, and the demo's plan."""

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import torch
from rich.console import Console

from diffragan.cli import demo
from diffragan.cli.batch import over_each
from diffragan.cli.evaluate import closing_table
from diffragan.cli.main import run
from diffragan.errors import InputError
from diffragan.evaluation.protocol import evaluate
from diffragan.structures.atomic_model import AtomicModel
from diffragan.structures.prepared import PreparedStructure
from tiny_data import tiny_data, tiny_phased


@pytest.fixture(scope="module")
def metrics(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("judged")
    data = tiny_data(folder / "data.zarr", orientations=2)
    stores = [
        tiny_phased(data, folder / "er.zarr", "er", iterations=5),
        tiny_phased(data, folder / "low.zarr"),
    ]
    return evaluate(data, stores, folder / "out", control_views=1, protocol="paper")


@pytest.mark.parametrize("width", [60, 72, 80, 100, 140, 200])
@pytest.mark.parametrize("name", ["er", "[bold]mine[/]", "w" * 70, "many short words " * 6])
def test_closing_table_fits_and_loses_nothing(
    metrics: dict[str, Any], width: int, name: str
) -> None:
    methods = {name: metrics["methods"]["er"], "low": metrics["methods"]["low-resolution"]}
    console = Console(width=width, record=True, file=StringIO())
    console.print(closing_table({**metrics, "methods": methods}))
    lines = console.export_text().splitlines()
    assert max(map(len, lines)) <= width
    assert "…" not in "".join(lines)
    shown = "".join("".join(lines).split())
    for scores in (*methods.values(), *metrics["controls"].values()):
        assert f"{scores['ssim_mean']:.3f}" in shown
    # Names are folded over lines: all of their letters are in the first column.
    first = "".join(line[: width // 2] for line in lines)
    for letter in set(name) - {" "}:
        assert first.count(letter) >= name.count(letter)


def test_info_says_of_an_evaluation_what_its_table_says(
    metrics: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from diffragan.evaluation.wording import resolution_of
    from diffragan.io.files import write_json

    write_json(tmp_path / "metrics.json", metrics)
    assert run(["info", str(tmp_path / "metrics.json")]) == 0
    said = capsys.readouterr().out
    for name, method in metrics["methods"].items():
        assert f"{name}: {resolution_of(method)} at FRC 0.5" in said
    assert "made by: diffragan" in said


def failing(*bad: str) -> Any:
    def act(item: str) -> str:
        if item in bad:
            raise InputError(f"{item} is bad")
        return f"did {item}"

    return act


@pytest.mark.parametrize(
    ("bad", "words"),
    [((), None), (("b",), "1 of 3 failed: b is bad"), (("a", "c"), "2 of 3 failed: a is bad; c")],
)
def test_failures_do_not_stop_the_others_and_are_told_last(
    bad: tuple[str, ...], words: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    if words is None:
        over_each(["a", "b", "c"], failing(), "doing")
    else:
        with pytest.raises(InputError, match=words):
            over_each(["a", "b", "c"], failing(*bad), "doing")
    done = [item for item in "abc" if item not in bad]
    assert capsys.readouterr().out.splitlines() == [f"did {item}" for item in done]


def test_a_single_failure_is_told_as_itself() -> None:
    with pytest.raises(InputError, match=r"^a is bad$"):
        over_each(["a"], failing("a"), "doing")


def test_what_was_done_before_an_interruption_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    def act(item: str) -> str:
        if item == "b":
            raise KeyboardInterrupt
        return f"did {item}"

    with pytest.raises(KeyboardInterrupt):
        over_each(["a", "b"], act, "doing")
    assert capsys.readouterr().out == "did a\n"


@pytest.fixture
def planned(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """Views and seed of each data set that the demo asks for."""
    asked: list[tuple[int, int]] = []

    def simulate(molecules: Any, experiment: Any, seed: int, out: Path, device: str) -> Path:
        asked.append((experiment.orientations, seed))
        return out

    monkeypatch.setattr("diffragan.simulation.dataset.simulate_dataset", simulate)
    return asked


def of_atoms(count: int) -> PreparedStructure:
    model = AtomicModel(torch.zeros(count, 3), torch.full((count,), 6))
    record = {"largest_dimension_angstrom": 20.0}
    return PreparedStructure("m", model, 1.0, "0" * 64, record, Path("m.pdb"))


def test_the_demo_never_phases_what_it_trained_on(
    planned: list[tuple[int, int]], tmp_path: Path
) -> None:
    for seed in range(4):
        demo._simulate(of_atoms(30), tmp_path, seed, "cpu")
    training, unseen = ({seed for _, seed in planned[i::2]} for i in (0, 1))
    assert len(training) == len(unseen) == 4
    assert not training & unseen


def test_the_demo_takes_fewer_views_of_larger_molecules_and_never_none(
    planned: list[tuple[int, int]], tmp_path: Path
) -> None:
    for atoms in (582, 2328, 9312, 1_000_000):
        demo._simulate(of_atoms(atoms), tmp_path, 0, "cpu")
    assert [views for views, _ in planned] == [160, 32, 160, 32, 80, 16, 8, 8]
