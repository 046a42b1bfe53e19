"""Descriptions of every kind of file the program reads or writes, one function each."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from diffragan.errors import InputError

if TYPE_CHECKING:
    from diffragan.io.checkpoints import Checkpoint


def describe(path: Path) -> Iterator[str]:
    """Yield lines that describe a file.

    Raises
    ------
    InputError : It is missing, of no known kind, or damaged; says the first problem.
    """
    inside_hdf5 = any(parent.is_file() for parent in path.parents)
    if not path.exists() and not path.name.endswith(".zarr") and not inside_hdf5:
        raise InputError(f"{path}: no such file")
    yield from (_scan if inside_hdf5 else _describer(path))(path)


def _describer(path: Path) -> Callable[[Path], Iterator[str]]:
    name = path.name.lower().removesuffix(".gz")
    if path.is_dir() and not name.endswith((".zarr", ".partial")):
        if (path / "last").is_dir() or (path / "best").is_dir():
            return _training_run
        if (path / "checkpoint.json").is_file():
            return _weights
        if name.endswith(".zspy") or _holds_frames(path):
            return _scan
        raise InputError(f"{path}: a folder of no kind this program knows")
    for endings, describer in DESCRIBERS.items():
        if name.endswith(endings):
            return describer
    raise InputError(
        f"{path}: of no kind this program knows; known endings: "
        + ", ".join(ending for endings in DESCRIBERS for ending in endings)
    )


def _store(path: Path) -> Iterator[str]:
    from diffragan.io.observations import ObservationStore
    from diffragan.io.phased import PhasedStore
    from diffragan.io.store import open_store
    from diffragan.io.triplets import TripletStore
    from diffragan.phasing.foretold import foretold

    store = open_store(path)
    reader = {
        "triplets": TripletStore,
        "observations": ObservationStore,
        "phased": PhasedStore,
    }.get(store.kind)
    if reader is None:
        raise InputError(f"{path}: a store of the unknown kind '{store.kind}'")
    reader(path)  # says what is missing
    kinds = {
        "triplets": "simulated triplets",
        "observations": "observations of a scan",
        "phased": "phased waves",
    }
    yield f"{path}: {kinds.get(store.kind, store.kind)} (diffragan Zarr store, complete)"
    attributes = store.attributes
    experiment = attributes["experiment"]
    yield (
        f"  experiment: preset {experiment['preset']}, {experiment['energy_kev']:g} keV, "
        f"box {experiment['box_angstrom']:g} Å, patterns to "
        f"{experiment['diffraction']['max_angle_mrad']:g} mrad"
    )
    if "method" in attributes:
        yield f"  method: {attributes['method']}, phased from {attributes['source']}"
    for molecule in attributes["structures"]:
        mass = molecule["mass_kda"]
        size = "mass not known" if mass is None else f"{mass:.2f} kDa"
        yield f"  molecule: {molecule['name']}, {size}"
    for name in store.array_names():
        spec = store.describe(name)
        store.check_files(name)
        store.read(name, range(min(spec.shape[0], 1)) if spec.per_item else None)
        axes = ", ".join(f"{axis} {size}" for axis, size in zip(spec.axes, spec.shape, strict=True))
        size = _bytes(store.stored_bytes(name))
        yield f"  {name} ({axes}) {spec.dtype} [{spec.unit}]: {spec.meaning}; {size}"
    if store.kind == "phased" and (words := foretold(PhasedStore(path))):
        yield f"  {words}"
    yield from _provenance(attributes["provenance"])
    yield f"  {_bytes(sum(map(store.stored_bytes, store.array_names())))} on disk"
    yield "  no problem found at a glance; `--verify` reads every value"


def _bytes(count: float) -> str:
    """Word a size."""
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} GB"


def _provenance(made: dict[str, object]) -> Iterator[str]:
    if not made:
        return
    maker = f"diffragan {made.get('version')} {made.get('command')}"
    yield f"  made by: {maker}, seed {made.get('seed')}"
    inputs = made.get("inputs")
    if isinstance(inputs, dict):
        for name, digest in inputs.items():
            yield f"  from: {name} (sha256 {str(digest)[:16]}…)"


def _structure(path: Path) -> Iterator[str]:
    from collections import Counter

    from diffragan.io.structures import read_structure

    structure = read_structure(path)
    model = structure[0]
    elements = Counter(site.atom.element.name for site in model.all())
    atoms = sum(elements.values())
    yield f"{path}: atomic structure, {len(structure)} model(s)"
    yield f"  {atoms} atoms: " + ", ".join(f"{n} {e}" for e, n in sorted(elements.items()))
    for chain in model:
        residues = [residue.name for residue in chain]
        shown = " ".join(residues[:6]) + (" …" if len(residues) > 6 else "")
        yield f"  chain {chain.name or '(blank)'}: {len(residues)} residues, {shown}"
    sidecar = path.with_suffix(".json")
    if not sidecar.is_file():
        yield "  coordinates in Å; not prepared yet: run `diffragan prepare` on it"
        return
    from diffragan.structures.prepared import read_prepared

    prepared = read_prepared(path)
    yield (
        f"  prepared: {prepared.mass_kda:.2f} kDa, "
        f"{prepared.record['largest_dimension_angstrom']:.1f} Å across; coordinates in Å, "
        "centred on the centre of mass"
    )


def _mrc(path: Path) -> Iterator[str]:
    from diffragan.io.mrc import read_mrc

    values, pixel, kind = read_mrc(path)
    axes = "z, y, x" if kind == "volume" else "image, y, x"
    yield f"{path}: MRC {kind}, {' x '.join(map(str, values.shape))} ({axes}) {values.dtype}"
    yield f"  pixel {pixel:.4f} Å, box {pixel * values.shape[-1]:.1f} Å"
    yield (
        f"  values {float(values.min()):.4g} to {float(values.max()):.4g}, "
        f"mean {float(values.mean()):.4g}, sd {float(values.std()):.4g}"
    )
    yield "  no problem found"


def _star(path: Path) -> Iterator[str]:
    from diffragan.io.star import read_particles

    particles = read_particles(path)
    optics = particles.optics
    stacks = sorted(set(particles.stacks))
    yield f"{path}: RELION 3.1 particles, {len(particles.stacks)} images in {', '.join(stacks[:3])}"
    yield (
        f"  {optics.energy_kev:g} keV, Cs {optics.spherical_aberration_mm:g} mm, "
        f"{optics.image_pixels} px of {optics.pixel_angstrom:.4f} Å"
    )
    yield f"  orientations: {'known' if particles.rotations is not None else 'unknown'}"
    missing = [name for name in stacks if not (path.parent / name).exists()]
    if missing:
        raise InputError(f"{path}: the stack {missing[0]} it names is not beside it")
    yield "  no problem found"


def _configuration(path: Path) -> Iterator[str]:
    from diffragan.config.load import load_any

    settings = load_any(path)
    kind = settings.model_dump()["kind"]
    yield f"{path}: configuration of kind '{kind}', valid; `diffragan validate` prints all of it"


def _json(path: Path) -> Iterator[str]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InputError(f"{path}: not readable as JSON ({error})") from None
    if not isinstance(content, dict):
        raise InputError(f"{path}: JSON, but not one of this program's files")
    yield f"{path}: JSON with the keys {', '.join(sorted(content))}"
    if isinstance(content.get("methods"), dict):
        for name, result in content["methods"].items():
            yield f"  {name}: {_scores(path, result)}"
    if isinstance(content.get("provenance"), dict):
        yield from _provenance(content["provenance"])


def _scores(path: Path, result: object) -> str:
    """Word the scores of a method in a `metrics.json`; a bound is marked as one."""
    from diffragan.evaluation.wording import resolution_of

    try:
        words = f"{resolution_of(result)} at FRC 0.5, SSIM {result['ssim_mean']:.3f}"  # type: ignore[arg-type,index]
    except (KeyError, TypeError, ValueError):
        raise InputError(
            f"{path}: its scores are damaged; run `diffragan evaluate` again"
        ) from None
    return words


def _training_run(path: Path) -> Iterator[str]:
    from diffragan.io.checkpoints import BEST, LAST, has_checkpoint, read_run

    yield f"{path}: training run"
    for which in (LAST, BEST):
        if has_checkpoint(path, which):
            checkpoint = read_run(path, which)
            yield f"  {which}: {_checkpoint(checkpoint)}"
            # What `phase` takes of a run are its best weights.
            if which == BEST and checkpoint.description.get("kind") == "unrolled":
                yield from _trained_for(path)
    yield "  no problem found"


def _weights(path: Path) -> Iterator[str]:
    """Describe a folder of weights alone, as the package has one."""
    from diffragan.io.checkpoints import Checkpoint
    from diffragan.phasing.weights import PART, read_unrolled

    weights = read_unrolled(path)
    yield f"{path}: weights of an unrolled network, for `diffragan phase --weights`"
    yield f"  {_checkpoint(Checkpoint({PART: dict(weights.tensors)}, weights.description))}"
    yield from _trained_for(path)
    yield "  no problem found"


def _checkpoint(checkpoint: "Checkpoint") -> str:
    sizes = (
        f"{part} {sum(tensor.numel() for tensor in tensors.values()) / 1e6:.2f} M values"
        for part, tensors in checkpoint.tensors.items()
    )
    position = checkpoint.description.get("position")
    step = position.get("step") if isinstance(position, dict) else "unknown"
    return f"step {step}; {', '.join(sizes)}"


def _trained_for(path: Path) -> Iterator[str]:
    """Say what an unrolled network was trained for, and whether it was calibrated."""
    from diffragan.phasing.confidence import FILE, read_calibration
    from diffragan.phasing.trained_for import trained_for
    from diffragan.phasing.weights import make_network, read_unrolled

    weights = read_unrolled(path)
    make_network(weights)  # says where they do not fit
    for words in trained_for(weights):
        yield f"  {words}"
    if read_calibration(path) is None:
        yield f"  not calibrated (no {FILE}): `phase` predicts no resolutions with it"
    else:
        yield f"  calibrated ({FILE}): `phase` predicts the resolution of each view"


def _photons(path: Path) -> Iterator[str]:
    from diffragan.io.dragonfly import read_photons

    photons = read_photons(path)
    yield f"{path}: Dragonfly's counts, {len(photons)} patterns of {photons.pixels} pixels"
    yield f"  {photons.counts:,} counts, {photons.counts / len(photons):.4g} in a pattern"
    yield "  no problem found"


def _dragonfly(path: Path) -> Iterator[str]:
    """Describe a detector, or what an iteration found."""
    from diffragan.io.dragonfly_hdf5 import GOOD, read_detector, read_output

    try:
        detector = read_detector(path)
    except InputError:
        found = read_output(path)
        voxels, known = len(found.intensity), (found.weight > 0).mean()
        yield f"{path}: Dragonfly's intensity, {voxels}^3 voxels, {known:.0%} of them measured"
        yield f"  {len(found.quaternions)} orientations"
    else:
        good = int((detector.mask == GOOD).sum())
        yield f"{path}: Dragonfly's detector, {len(detector.mask)} pixels, {good} of them good"
        yield f"  radius of the Ewald sphere: {detector.ewald_radius_voxels:.4g} voxels"
    yield "  no problem found"


def _hdf5(path: Path) -> Iterator[str]:
    """Describe what Dragonfly keeps in HDF5, or a scan."""
    from diffragan.io.dragonfly_hdf5 import is_dragonfly

    yield from _dragonfly(path) if is_dragonfly(path) else _scan(path)


def _scan(path: Path) -> Iterator[str]:
    from diffragan.cli.describe_scan import describe_scan
    from diffragan.config.acquisition import ScanSettings

    yield from describe_scan(path, ScanSettings())


def _holds_frames(folder: Path) -> bool:
    """Say whether a folder has files that may be frames of a scan."""
    from diffragan.io.scans.folder import OPENERS

    return any(file.suffix.lower() in OPENERS for file in folder.iterdir())


DESCRIBERS: dict[tuple[str, ...], Callable[[Path], Iterator[str]]] = {
    (".zarr", ".partial"): _store,
    (".pdb", ".ent", ".cif", ".mmcif"): _structure,
    (".mrc", ".mrcs", ".map"): _mrc,
    (".star",): _star,
    (".yaml", ".yml"): _configuration,
    (".json",): _json,
    (".emc",): _photons,
    (".h5", ".hdf5"): _hdf5,
    (".mib", ".hdr", ".tvips", ".raw", ".bin", ".dat", ".xml", ".trpx", ".tif", ".tiff"): _scan,
    (".emd", ".nxs", ".hspy", ".dm3", ".dm4", ".blo", ".ser", ".emi", ".prz", ".rpl"): _scan,
}
"""Endings of a name to the function that describes such a file."""
