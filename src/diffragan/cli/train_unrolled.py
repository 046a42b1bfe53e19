"""`diffragan train --preset unrolled`: the network between projections."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from diffragan.cli.train import Arguments
    from diffragan.config.unrolled_training import UnrolledTraining

SETTINGS = ("seed", "steps", "batch", "precision", "checkpoint_every", "validate_every")
"""Options that are settings, too."""
ELSEWHERE = {
    "stream": None,
    "workers": None,
    "epochs": None,
    "accumulate": None,
    "processes": 1,
    "tensorboard": False,
}
"""Options of the other networks' training, and what they are when nobody gives them."""
PACKAGED = "packaged"


def run_unrolled(arguments: "Arguments") -> None:
    """Train, and say what came of it.

    Raises
    ------
    ConfigError : An option does not go with this network.
    """
    from diffragan.config.load import load_unrolled
    from diffragan.device import choose_device
    from diffragan.errors import ConfigError
    from diffragan.io.checkpoints import has_checkpoint
    from diffragan.training.unrolled.loop import train_unrolled

    given = [name for name, usual in ELSEWHERE.items() if getattr(arguments, name) != usual]
    if given:
        option = given[0].replace("_", "-")
        raise ConfigError(f"--{option} is not for the unrolled network; leave it out")
    if len(arguments.data) != 1:
        raise ConfigError(
            f"{len(arguments.data)} data sets were given; give one, as `diffragan simulate` makes "
            "of many structures"
        )
    if arguments.max_minutes is not None and not arguments.max_minutes > 0:
        raise ConfigError(f"--max-minutes is {arguments.max_minutes}; use more than 0")
    wanted = {name: getattr(arguments, name) for name in SETTINGS}
    settings = load_unrolled(
        arguments.preset,
        arguments.config,
        {key: value for key, value in wanted.items() if value is not None},
    )
    device = choose_device(arguments.device)
    print(announcement(arguments.data[0], settings, device))
    try:
        result = train_unrolled(
            arguments.data[0],
            settings,
            arguments.out,
            validation=arguments.validation,
            start_from=_weights(arguments.start_from),
            device=device,
            resume=arguments.resume,
            max_minutes=arguments.max_minutes,
        )
    except KeyboardInterrupt:
        if has_checkpoint(arguments.out):
            print(f"stopped; `--resume` goes on from {arguments.out / 'last'}")
        raise
    ended = "time limit reached at" if result.reached_time_limit else "trained"
    print(
        f"{ended} step {result.step}; best validation FRC {result.best_frc:.3f}\n"
        f"wrote {arguments.out}: best/ and last/ (networks), training.csv; use it by "
        f"`diffragan phase --weights {arguments.out}`"
    )


def _weights(place: Path | None) -> Path | None:
    from diffragan.phasing.weights import packaged_weights

    return packaged_weights() if place == Path(PACKAGED) else place


def announcement(data: Path, settings: "UnrolledTraining", device: str) -> str:
    """Say how large the network is and how much memory training will take."""
    from diffragan.io.triplets import TripletStore
    from diffragan.models.unet import parameter_count
    from diffragan.models.unrolled import UnrolledNetwork
    from diffragan.training.unrolled.memory import training_bytes

    store = TripletStore(data)
    parameters = parameter_count(UnrolledNetwork(settings.network))
    gigabytes = (
        training_bytes(len(store), store.experiment.box_angstrom, parameters, settings) / 1e9
    )
    return (
        f"{len(store)} waves; unrolled network, {parameters / 1e6:.2f} M parameters; about "
        f"{gigabytes:.1f} GB of memory on {device}"
    )
