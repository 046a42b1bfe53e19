"""Which runs may go on, when a run stops, what it has counted, and how it is judged."""

import os
import signal
import threading
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from torch import nn

from diffragan.config.training import TrainingSettings
from diffragan.errors import ConfigError, InputError
from diffragan.io.checkpoints import LAST, Checkpoint, write_checkpoint
from diffragan.models.encoding import Encoding, encode_image
from diffragan.training.data import Batch, Views, spread_over
from diffragan.training.interruption import stop_requests
from diffragan.training.position import Position
from diffragan.training.runs import DESCRIBED, PARTS, open_run
from diffragan.training.validation import Validation, image_frc, validate
from diffragan.typing import Tensor

SETTINGS = TrainingSettings()
ENCODING = Encoding(32, 0.1, 0.1, 0.5, 0.05)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    tensors = {part: {"weight": torch.zeros(1)} for part in PARTS}
    described = {key: {} for key in DESCRIBED} | {
        "settings": SETTINGS.model_dump(mode="json"),
        "data_identity": "these",
    }
    write_checkpoint(tmp_path / "run" / LAST, Checkpoint(tensors, described))
    return tmp_path / "run"


def changed(path: str, value: object) -> TrainingSettings:
    values = SETTINGS.model_dump()
    *outer, last = path.split(".")
    (values[outer[0]] if outer else values)[last] = value
    return TrainingSettings.model_validate(values)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("seed", 1),
        ("generator.pixels", 64),
        ("generator.depth", 5),
        ("discriminator.width", 8),
        ("learning_rate", 1e-4),
        ("beta1", 0.9),
        ("objective.l1_weight", 10.0),
        ("augment", False),
        ("validation_fraction", 0.2),
        ("precision", "bf16-mixed"),
    ],
)
def test_whatever_changes_a_step_must_be_as_it_was(run: Path, path: str, value: object) -> None:
    with pytest.raises(ConfigError, match=f"with {path} .*not {value}") as caught:
        open_run(run, changed(path, value), resume=True)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("steps", 9000),
        ("validate_every", 7),
        ("checkpoint_every", 3),
        ("accumulate", 2),
        ("memory_limit_mb", 0),
    ],
)
def test_whatever_changes_no_step_may_differ(run: Path, path: str, value: object) -> None:
    assert open_run(run, changed(path, value), resume=True) is not None


@pytest.mark.parametrize("name", DESCRIBED)
def test_a_checkpoint_that_does_not_say_all_is_refused(run: Path, name: str) -> None:
    described = {key: {} for key in DESCRIBED if key != name}
    described |= {} if name == "settings" else {"settings": SETTINGS.model_dump(mode="json")}
    tensors = {part: {"weight": torch.zeros(1)} for part in PARTS}
    write_checkpoint(run / LAST, Checkpoint(tensors, described))
    with pytest.raises(InputError, match=f"does not say '{name}'"):
        open_run(run, SETTINGS, resume=True)


def test_the_first_signal_asks_and_the_second_stops_at_once() -> None:
    before, answers = signal.getsignal(signal.SIGINT), []

    def ask_twice() -> None:
        with stop_requests() as asked:
            for number in (signal.SIGINT, signal.SIGTERM):
                answers.append(asked())
                os.kill(os.getpid(), number)
            answers.append(True)

    with pytest.raises(KeyboardInterrupt):
        ask_twice()
    assert answers == [False, True]
    assert signal.getsignal(signal.SIGINT) is before


def test_outside_the_main_thread_nothing_is_asked_and_no_handler_is_touched() -> None:
    before, found = signal.getsignal(signal.SIGINT), []

    def work() -> None:
        with stop_requests() as asked:
            found.append((asked(), signal.getsignal(signal.SIGINT) is before))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [(False, True)]


def test_a_position_keeps_sums_over_a_restart_and_means_begin_anew() -> None:
    position = Position()
    for loss in (1.0, 2.0):
        position.add({"l1": loss})
    again = Position.from_json(asdict(position))
    assert again == position
    again.add({"l1": 6.0})
    assert (again.step, again.take_means()) == (3, {"l1": 3.0})
    again.add({"l1": 5.0})
    assert again.take_means() == {"l1": 5.0}
    with pytest.raises(InputError, match="not the position of a run"):
        Position.from_json({"stride": 3})


class Held:
    """Views without a data set: the truth is the low-resolution channel."""

    def __init__(self, count: int) -> None:
        generator = torch.Generator().manual_seed(0)
        self.observed = 0.4 * torch.rand(count, 2, 32, 32, generator=generator) - 0.2
        self.asked: list[int] = []

    def batch(self, items: Sequence[int]) -> Batch:
        self.asked += items
        return Batch(self.observed[list(items)], self.observed[list(items), 1:])


class Drawn(nn.Module):
    """Draws the truth, or the other channel, which has nothing to do with it."""

    def __init__(self, channel: int) -> None:
        super().__init__()
        self.channel = channel

    def forward(self, observed: Tensor) -> Tensor:
        return observed[:, self.channel : self.channel + 1]


def judged(channel: int, views: Held, batch: int = 4) -> tuple[Validation, list[list[Any]]]:
    items = list(range(len(views.observed)))
    return validate(
        Drawn(channel),
        cast("Views", views),
        items,
        ENCODING,
        batch=batch,
        box_angstrom=24.0,
        device=torch.device("cpu"),
    )


def test_the_truth_itself_is_judged_perfect_and_another_image_worthless() -> None:
    perfect, rows = judged(1, Held(6))
    assert (perfect.l1, perfect.resolution_angstrom) == (0, pytest.approx(1.5))
    assert perfect.frc == pytest.approx(1, abs=1e-5)
    assert all((row[1] == row[2]).all() and row[2].max() == 1 for row in rows)
    worthless, _ = judged(0, Held(6))
    assert abs(worthless.frc) < 0.1
    assert worthless.resolution_angstrom > 5
    assert worthless.l1 == pytest.approx(0.4 / 3, rel=0.05)  # of two uniform numbers


def test_the_verdict_does_not_depend_on_the_batch() -> None:
    views = Held(30)
    whole, _ = judged(0, views, 30)
    parts, _ = judged(0, views, 7)
    assert asdict(whole) == pytest.approx(asdict(parts), rel=1e-5)
    assert views.asked == 2 * list(range(30))


def test_the_views_judged_are_spread_over_all() -> None:
    assert spread_over(range(100, 200), 3) in ([100, 150, 199], [100, 149, 199])
    assert spread_over([4, 5], 64) == [4, 5]
    assert spread_over([4, 5, 6], 1) == [4]


def test_the_frc_is_that_of_the_images_before_they_were_encoded() -> None:
    """A contrast twice as strong has the same phases; its encoding is not twice as large."""
    contrasts = Held(2).observed[:, 0]
    first, second = (encode_image(1 + factor * contrasts, ENCODING) for factor in (1, 2))
    assert not torch.allclose(2 * first, second, atol=0.01)
    curve = image_frc(first, second, ENCODING)
    torch.testing.assert_close(curve, torch.ones_like(curve), rtol=0, atol=1e-4)
