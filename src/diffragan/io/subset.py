"""A part of a data set as a data set of its own."""

from collections.abc import Sequence
from pathlib import Path

from diffragan.errors import InputError
from diffragan.io.provenance import fingerprint, provenance
from diffragan.io.store_writer import StoreWriter, write_item
from diffragan.io.triplets import (
    KIND,
    TripletStore,
    molecule_arrays,
    triplet_attributes,
    triplet_specs,
)
from diffragan.progress import progress_bar


def write_subset(data: TripletStore, items: Sequence[int], out: Path) -> Path:
    """Copy some items of a data set, and the molecules they are of, into the store `out`.

    Takes up an interrupted run.

    Raises
    ------
    InputError : There are no items, or some that the data set does not have.
    OutputError : `out` cannot be written.
    """
    if not items or min(items) < 0 or max(items) >= len(data):
        raise InputError(f"{data.store.path}: holds items 0 to {len(data) - 1}; choose among these")
    owner = data.read("structure", items)
    kept = sorted({int(index) for index in owner})
    molecules = data.structures()
    entries = [molecules[index] for index in kept]
    specs = triplet_specs(data.experiment, len(items), sum(len(e.positions) for e in entries))
    made_by = provenance("subset", {"items": fingerprint(list(items))}, None, {
        data.store.path.name: data.identity
    })  # fmt: skip
    attributes = triplet_attributes(
        data.experiment, entries, made_by, data.store.attributes.get("incident_electrons")
    )
    per_item = [name for name, spec in specs.items() if spec.per_item]
    with StoreWriter(out, KIND, specs, attributes) as writer:
        writer.write_whole({**molecule_arrays(entries), "measured": data.read("measured")})
        with progress_bar(len(items), f"copying into {out.name}", done=len(writer.done)) as bar:
            for place, item in enumerate(items):
                if place in writer.done:
                    continue
                values = {name: data.read(name, [item])[0] for name in per_item}
                values["structure"] = kept.index(int(owner[place]))
                write_item(writer.partial, place, values)
                writer.mark(place)
                bar.advance()
        writer.finish()
    return out
