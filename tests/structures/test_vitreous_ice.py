import numpy as np
import pytest
import torch
from scipy.spatial import cKDTree

from diffragan.errors import InputError, OutputError
from diffragan.io.ice_block import IceBlock, packaged_ice_block, write_ice_block
from diffragan.physics.form_factors import electron_form_factor
from diffragan.structures.atomic_model import AtomicModel
from diffragan.structures.crowding import (
    TOUCHING_ANGSTROM,
    close_pairs,
    nearest_image,
    pushed_apart,
    thinned,
    wrapped,
)
from diffragan.structures.ice_filling import fill_box, random_piece
from diffragan.structures.prepared import PreparedStructure
from diffragan.structures.vitreous_ice import (
    MOLECULE_GAP_ANGSTROM,
    WATERS_PER_A3,
    embed_in_ice,
)

BOX, THICKNESS = 70.0, 60.0
GRAM_PER_CM3_IN_DALTON_PER_A3 = 0.602214076


@pytest.fixture(scope="module")
def block() -> IceBlock:
    return packaged_ice_block()


@pytest.fixture(scope="module")
def embedded(villin: PreparedStructure) -> AtomicModel:
    return embed_in_ice(villin.model, BOX, THICKNESS, np.random.default_rng(0))


def waters(model: AtomicModel, molecule: AtomicModel) -> np.ndarray:
    """Oxygen and hydrogens of each water, `(waters, 3, 3)`."""
    first = len(molecule.atomic_numbers)
    return model.positions[first:].double().numpy().reshape(-1, 3, 3)


def structure_sum(
    model: AtomicModel, atomic_number: int, q_y: np.ndarray, q_x: np.ndarray
) -> np.ndarray:
    """Sum exp(-2 pi i q.x) over the atoms of an element, projected along the beam."""
    x, y = model.positions[model.atomic_numbers == atomic_number, :2].numpy().T
    along_y = np.exp(-2j * np.pi * np.outer(q_y, y)).astype(np.complex64)
    along_x = np.exp(-2j * np.pi * np.outer(x, q_x)).astype(np.complex64)
    return along_y @ along_x


def test_the_block_is_made_of_water_at_the_density_of_ice(block: IceBlock) -> None:
    volume = block.edge_angstrom**3
    density = len(block.oxygens) * 18.015 / volume / GRAM_PER_CM3_IN_DALTON_PER_A3
    assert density == pytest.approx(0.94, abs=0.001)
    arms = np.linalg.norm(block.hydrogens, axis=2)
    assert arms == pytest.approx(0.957, abs=0.003)
    cosine = (block.hydrogens[:, 0] * block.hydrogens[:, 1]).sum(1) / arms.prod(1)
    assert np.rad2deg(np.arccos(cosine)) == pytest.approx(104.5, abs=0.5)
    assert len(block.sha256) == 64


def test_neighbours_are_those_of_low_density_amorphous_ice(block: IceBlock) -> None:
    """Reference: Bowron et al. (2006): 2.76 Å, four neighbours, an empty gap, then 4.5 Å."""
    periods = np.full(3, block.edge_angstrom)
    distance = close_pairs(block.oxygens, periods, 5.5).distance
    edges = np.arange(2.0, 5.51, 0.05)
    counts, _ = np.histogram(distance, edges)
    middle = (edges[1:] + edges[:-1]) / 2
    shell = 4 * np.pi * middle**2 * 0.05 * WATERS_PER_A3
    g = 2 * counts / len(block.oxygens) / shell
    assert middle[g.argmax()] == pytest.approx(2.76, abs=0.04)
    assert 2 * (distance < 3.3).sum() / len(block.oxygens) == pytest.approx(4.0, abs=0.1)
    assert g[(middle > 3.1) & (middle < 3.3)].max() < 0.35
    second = (middle > 3.8) & (middle < 5.2)
    assert middle[second][g[second].argmax()] == pytest.approx(4.5, abs=0.15)


def test_neighbours_stand_in_tetrahedra(block: IceBlock) -> None:
    """Law: Errington and Debenedetti's order parameter is 1 in ice, 0 in a gas, 0.6 in water."""
    tree = cKDTree(block.oxygens, boxsize=block.edge_angstrom)
    _, index = tree.query(block.oxygens, 5)
    arms = nearest_image(
        (block.oxygens[index[:, 1:]] - block.oxygens[:, None]).reshape(-1, 3),
        np.full(3, block.edge_angstrom),
    ).reshape(-1, 4, 3)
    arms /= np.linalg.norm(arms, axis=2, keepdims=True)
    cosines = np.einsum("nix,njx->nij", arms, arms)
    upper = np.triu_indices(4, 1)
    order = 1 - 3 / 8 * ((cosines[:, upper[0], upper[1]] + 1 / 3) ** 2).sum(1)
    assert order.mean() > 0.8


def test_the_diffuse_rings_are_those_of_vitreous_ice() -> None:
    """Reference: electron diffraction of vitreous water, 3.7 and 2.14 Å (Dubochet et al., 1988)."""
    point = AtomicModel(torch.zeros(1, 3), torch.tensor([1]))
    steps = np.arange(-40, 41) / BOX
    upper = steps[40:]  # the other half is the same by Friedel's law
    q = np.hypot(upper[:, None], steps)
    edges = np.arange(0.19, 0.57, 0.02)
    ring = np.digitize(q, edges)
    factors = {n: electron_form_factor(n, torch.from_numpy(q)).numpy() for n in (1, 8)}
    heights = np.zeros(len(edges) - 1)
    for seed in range(4):
        model = embed_in_ice(point, BOX, 50.0, np.random.default_rng(seed))
        total = np.zeros(q.shape, dtype=np.complex64)
        for number, factor in factors.items():
            total += factor * structure_sum(model, number, upper, steps)
        power = np.abs(total) ** 2
        heights += [power[ring == n].mean() for n in range(1, len(edges))]
    middle = (edges[1:] + edges[:-1]) / 2
    first, second = middle < 0.36, middle > 0.40
    assert 1 / middle[first][heights[first].argmax()] == pytest.approx(3.7, abs=0.2)
    assert 1 / middle[second][heights[second].argmax()] == pytest.approx(2.14, abs=0.1)


def test_the_molecule_comes_first_and_unchanged(
    villin: PreparedStructure, embedded: AtomicModel
) -> None:
    count = len(villin.model.atomic_numbers)
    assert torch.equal(embedded.positions[:count], villin.model.positions)
    assert torch.equal(embedded.atomic_numbers[:count], villin.model.atomic_numbers)
    assert embedded.atomic_numbers[count:].reshape(-1, 3).unique(dim=0).tolist() == [[8, 1, 1]]
    assert embedded.positions.dtype == villin.model.positions.dtype
    assert embedded.b_factors is None


def test_waters_stay_whole_inside_the_slab(
    villin: PreparedStructure, embedded: AtomicModel
) -> None:
    found = waters(embedded, villin.model)
    arms = np.linalg.norm(found[:, 1:] - found[:, :1], axis=2)
    assert arms == pytest.approx(0.957, abs=0.004)
    assert np.abs(found[:, 0, :2]).max() <= BOX / 2 + 1e-4
    assert np.abs(found[:, 0, 2]).max() <= THICKNESS / 2 + 0.5
    assert found[:, 0, 2].max() > THICKNESS / 2 - 1
    assert found[:, 0, 2].min() < -THICKNESS / 2 + 1


def test_nothing_overlaps_not_even_across_the_box(
    villin: PreparedStructure, embedded: AtomicModel
) -> None:
    oxygens = waters(embedded, villin.model)[:, 0]
    periods = np.array([BOX, BOX, np.inf])
    shifted = wrapped(oxygens + BOX / 2, periods)
    distance = close_pairs(shifted, periods, 2.8).distance
    assert distance.min() > TOUCHING_ANGSTROM - 0.25
    heavy = villin.model.positions[villin.model.atomic_numbers > 1].double().numpy()
    gaps = nearest_image((oxygens[:, None] - heavy[None]).reshape(-1, 3), periods)
    assert np.linalg.norm(gaps, axis=1).min() >= MOLECULE_GAP_ANGSTROM - 1e-4


@pytest.mark.parametrize("seed", [1, 2])
def test_the_density_outside_the_molecule_is_that_of_ice(
    villin: PreparedStructure, seed: int
) -> None:
    """Law: counted against the volume that the gap around the molecule leaves, within 2 %."""
    generator = np.random.default_rng(seed)
    model = embed_in_ice(villin.model, BOX, THICKNESS, generator)
    heavy = villin.model.positions[villin.model.atomic_numbers > 1].double().numpy()
    half = np.array([BOX, BOX, THICKNESS]) / 2
    probes = generator.uniform(-half, half, (200_000, 3))
    distance, _ = cKDTree(heavy).query(probes)
    volume = (distance > MOLECULE_GAP_ANGSTROM).mean() * BOX**2 * THICKNESS
    mass = len(waters(model, villin.model)) * 18.01528
    assert mass / volume / GRAM_PER_CM3_IN_DALTON_PER_A3 == pytest.approx(0.94, rel=0.02)


def test_the_density_is_even_through_seams_and_faces(villin: PreparedStructure) -> None:
    """Law: slices across every seam between pieces hold what the others hold."""
    point = AtomicModel(torch.zeros(1, 3), torch.tensor([1]))
    thickness = 2.5 * packaged_ice_block().edge_angstrom
    model = embed_in_ice(point, BOX, thickness, np.random.default_rng(3))
    oxygens = waters(model, point)[:, 0]
    for axis, length in enumerate((BOX, BOX, thickness)):
        counts, _ = np.histogram(oxygens[:, axis], 10, (-length / 2, length / 2))
        expected = WATERS_PER_A3 * BOX**2 * thickness / 10
        assert counts == pytest.approx(expected, rel=0.06)


def test_the_diffuse_ring_has_no_spots(villin: PreparedStructure) -> None:
    """Law: amplitudes of a random medium are normal, so that intensities are exponential (Wilson).

    Then the mean square of the intensity is twice its squared mean; spots of a lattice raise it.
    """
    point = AtomicModel(torch.zeros(1, 3), torch.tensor([1]))
    steps = np.arange(-22, 23) / BOX
    upper = steps[23:]
    q = np.hypot(upper[:, None], steps)
    moments = []
    for seed in range(4):
        model = embed_in_ice(point, BOX, 150.0, np.random.default_rng(seed))
        amplitude = structure_sum(model, 8, upper, steps)
        ring = np.abs(amplitude[(q > 0.26) & (q < 0.31)]) ** 2
        moments.append((ring**2).mean() / ring.mean() ** 2)
        assert ring.max() / ring.mean() < 12
    assert np.mean(moments) == pytest.approx(2.0, abs=0.35)


def test_every_pattern_has_its_own_cut(villin: PreparedStructure) -> None:
    def cut(seed: int) -> torch.Tensor:
        return embed_in_ice(villin.model, BOX, 50, np.random.default_rng(seed)).positions

    assert torch.equal(cut(4), cut(4))
    one, other = (cut(seed)[582 : 582 + 900] for seed in (4, 5))
    assert (one - other).norm(dim=1).min() > 1e-3


def test_water_takes_the_median_b_factor(villin: PreparedStructure) -> None:
    count = len(villin.model.atomic_numbers)
    b_factors = torch.linspace(10, 30, count)
    molecule = AtomicModel(villin.model.positions, villin.model.atomic_numbers, b_factors)
    model = embed_in_ice(molecule, BOX, 50, np.random.default_rng(0))
    assert model.b_factors is not None
    assert torch.equal(model.b_factors[:count], b_factors)
    assert model.b_factors[count:].unique().tolist() == pytest.approx([20], abs=0.1)


def test_ice_thinner_than_the_molecule(villin: PreparedStructure) -> None:
    with pytest.raises(InputError, match=r"the ice is 10 Å thick and the molecule needs \d\d\.\d"):
        embed_in_ice(villin.model, BOX, 10, np.random.default_rng(0))


def test_ice_that_is_just_thick_enough(villin: PreparedStructure) -> None:
    needed = 2 * float(villin.model.positions[:, 2].abs().max()) + 0.01
    model = embed_in_ice(villin.model, BOX, needed, np.random.default_rng(0))
    assert len(model.positions) > len(villin.model.positions)


def test_a_piece_of_any_box_has_the_density(block: IceBlock) -> None:
    low, high = np.array([5.0, -40.0, 3.0]), np.array([45.0, 20.0, 33.0])
    counts = [
        len(random_piece(block, low, high, np.random.default_rng(seed))[0]) for seed in range(20)
    ]
    volume = (high - low).prod()
    assert np.mean(counts) == pytest.approx(WATERS_PER_A3 * volume, rel=0.01)
    assert np.std(counts) < 0.03 * np.mean(counts)


def test_a_box_that_repeats_along_every_axis(block: IceBlock) -> None:
    side = 1.4 * block.edge_angstrom
    oxygens, hydrogens = fill_box(
        block, (side, side, side), (True, True, True), WATERS_PER_A3, np.random.default_rng(0)
    )
    assert len(oxygens) == len(hydrogens) == round(WATERS_PER_A3 * side**3)
    distance = close_pairs(oxygens, np.full(3, side), 2.8).distance
    assert distance.min() > TOUCHING_ANGSTROM - 0.25


def test_the_closest_go_first() -> None:
    oxygens = np.array([[1.0, 1, 1], [3, 1, 1], [8, 1, 1], [9, 1, 1], [14, 1, 1]])
    periods = np.array([15.0, 15.0, np.inf])
    pairs = close_pairs(oxygens, periods, 3.5)
    assert thinned(5, pairs, 5).all()
    assert thinned(5, pairs, 6).all()
    assert thinned(5, pairs, 4).tolist() == [True, True, True, False, True]
    # 1 and 14 are 2 Å apart through the face; of pairs alike, the first in order goes first.
    assert thinned(5, pairs, 3).tolist() == [True, False, True, False, True]
    # Of two whose numbers are both even or both odd it is the earlier one.
    assert thinned(5, pairs, 2).tolist() == [False, False, True, False, True]


@pytest.mark.parametrize("side", [80.0, 100.0])
def test_seams_leave_no_streak_along_the_axes(block: IceBlock, side: float) -> None:
    """Ice scatters as much along the axes, across which its seams lie, as between them."""
    along, between = [], []
    for seed in range(5):
        oxygens, _ = fill_box(
            block, (side, side, 120.0), (True, True, False), WATERS_PER_A3,
            np.random.default_rng(seed),
        )  # fmt: skip
        x, y = np.exp(2j * np.pi / side * oxygens[:, :2]).T
        for order in range(3, 13):
            along += [abs((x**order).sum()) ** 2, abs((y**order).sum()) ** 2]
            a, b = round(0.8 * order), round(0.6 * order)
            between += [abs((x**a * y**b).sum()) ** 2, abs((x**b * y**-a).sum()) ** 2]
    # 100 of each, exponentially distributed: the ratio is known to a seventh.
    assert np.mean(along) < 2 * np.mean(between)


def test_two_that_touch_part_through_the_face() -> None:
    oxygens = np.array([[0.5, 5.0, 2.0], [19.5, 5.0, 2.0]])
    periods = np.array([20.0, 20.0, np.inf])
    pairs = close_pairs(oxygens, periods, 3.5)
    moved = pushed_apart(oxygens, np.array([True, True]), pairs, periods)
    separation = nearest_image(moved[:1] - moved[1:], periods)
    assert separation[0] == pytest.approx([TOUCHING_ANGSTROM, 0, 0])
    assert (moved[:, 0] >= 0).all()
    assert (moved[:, 0] < 20).all()
    alone = pushed_apart(oxygens, np.array([True, False]), pairs, periods)
    assert alone == pytest.approx(oxygens)


def test_pairs_are_those_of_a_naive_search() -> None:
    points = np.random.default_rng(0).uniform(0, 10, (60, 3))
    periods = np.array([10.0, np.inf, 10.0])
    pairs = close_pairs(points, periods, 2.0)
    naive = {}
    for i in range(60):
        for j in range(i + 1, 60):
            gap = points[i] - points[j]
            gap[[0, 2]] -= 10 * np.round(gap[[0, 2]] / 10)
            if np.linalg.norm(gap) < 2:
                naive[i, j] = np.linalg.norm(gap)
    found = list(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True))
    assert found == sorted(naive)
    assert pairs.distance == pytest.approx([naive[key] for key in sorted(naive)])


def test_a_block_is_written_and_read(tmp_path) -> None:  # type: ignore[no-untyped-def]
    block = packaged_ice_block()
    path = tmp_path / "block.npz"
    write_ice_block(block, path)
    with np.load(path) as arrays:
        back = arrays["oxygens"] * (float(arrays["edge_angstrom"]) / 2**16)
        offsets = arrays["hydrogens"] * 1e-3
    assert back == pytest.approx(block.oxygens)
    assert offsets == pytest.approx(block.hydrogens)
    with pytest.raises(OutputError, match="does not exist"):
        write_ice_block(block, tmp_path / "absent" / "block.npz")
