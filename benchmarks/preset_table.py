"""Print the presets as docs/experiment.md shows them. Run: python benchmarks/preset_table.py."""

from diffragan.config.load import load_experiment, preset_names

MOLECULE_ANGSTROM = 50.0
"""Largest extent of the molecule for which the computed part of the box is given."""


def main() -> None:
    print(
        "| preset | energy [keV] | box [Å] | pattern [pixels] | images [pixels] of [Å] | accuracy "
        "| grid [pixels] | computed for 50 Å | slices [Å] | orientations |"
    )
    print("|---|" + "---:|" * 9)
    for name in preset_names("experiment"):
        one = load_experiment(name)
        given = one.numerics.pixels is not None
        print(
            f"| `{name}` | {one.energy_kev:g} | {one.box_angstrom:g} | {one.diffraction_pixels}² "
            f"| {one.image_pixels}² of {one.image_grid.pixel_angstrom:.3f} "
            f"| {'given' if given else format(one.numerics.accuracy, 'g')} "
            f"| {one.simulation_grid.pixels}² | {one.grid_for(MOLECULE_ANGSTROM).pixels}² "
            f"| {one.slice_thickness_angstrom:.1f} | {one.orientations:,} |"
        )


if __name__ == "__main__":
    main()
