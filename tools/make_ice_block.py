"""Make the block of vitreous ice that the package carries (some ten minutes on two cores).

    pip install numba
    python tools/make_ice_block.py src/diffragan/structures/data/ice_block.npz

First the oxygens alone, as monatomic water (mW), which forms the tetrahedral network of low-density
amorphous ice within a nanosecond of cooling. Then TIP4P-Ew hydrogens on held oxygens, cooled from
where they turn freely, so that they find their hydrogen bonds. The result is brought to the energy
minimum of TIP4P-Ew, so that all thermal motion is what a simulation's B-factors add.

Sources: Molinero and Moore, J. Phys. Chem. B 113 (2009) 4008 (mW); Horn et al., J. Chem. Phys. 120
(2004) 9665 (TIP4P-Ew).
"""

import argparse
import random
from pathlib import Path

import numpy as np
import openmm
from mw_water import Schedule, cooled
from numpy.typing import NDArray
from openmm import app, unit
from scipy.spatial.transform import Rotation

from diffragan.io.ice_block import IceBlock, write_ice_block
from diffragan.structures.vitreous_ice import WATERS_PER_A3

SEED = 1
EDGE_ANGSTROM = 45.0

NETWORK: Schedule = (
    (320, 320, 5000),
    (320, 225, 15_000),
    (225, 205, 40_000),
    (205, 150, 3000),
)
"""From [K], to [K], in steps of 10 fs: 0.2 ns per 10 K where the network forms."""
PROTONS: Schedule = ((500, 500, 1500), (500, 300, 2000), (300, 200, 3500), (200, 100, 1000))
"""The same in steps of 2 fs, for hydrogens on held oxygens."""
STEPS_PER_TEMPERATURE = 100
HOLD_KJ_PER_MOL_NM2 = 20_000.0
"""Of the springs that hold the oxygens: 0.1 Å rms at 100 K."""
CUTOFF_ANGSTROM = 8.0

FORCE_FIELD = "amber14/tip4pew.xml"
SITES = 4
"""Oxygen, two hydrogens and the massless charge."""
BOND_ANGSTROM, HALF_ANGLE_DEGREES = 0.9572, 52.26

Points = NDArray[np.float64]


def liquid(count: int, edge_angstrom: float) -> Points:
    """Take oxygens of OpenMM's liquid water, as many as the ice has, chosen at random."""
    random.seed(SEED)
    modeller = app.Modeller(app.Topology(), [])
    side = edge_angstrom / 10
    modeller.addSolvent(
        app.ForceField(FORCE_FIELD),
        model="tip4pew",
        boxSize=openmm.Vec3(side, side, side) * unit.nanometer,
    )
    positions = np.array([list(p) for p in modeller.positions.value_in_unit(unit.angstrom)])
    oxygens = positions.reshape(-1, SITES, 3)[:, 0]
    chosen = np.random.default_rng(SEED).choice(len(oxygens), count, replace=False)
    return oxygens[np.sort(chosen)]


def with_random_hydrogens(oxygens: Points) -> Points:
    """Put a randomly turned water on each oxygen: `(waters, 3, 3)` [Å]."""
    angle = np.deg2rad(HALF_ANGLE_DEGREES)
    arms = BOND_ANGSTROM * np.array([[s * np.sin(angle), 0, np.cos(angle)] for s in (1, -1)])
    turns = Rotation.random(len(oxygens), rng=np.random.default_rng(SEED)).as_matrix()
    hydrogens = oxygens[:, None] + np.einsum("nij,hj->nhi", turns, arms)
    return np.concatenate([oxygens[:, None], hydrogens], axis=1)


def water_system(sites: Points, edge_angstrom: float) -> tuple[openmm.System, list[openmm.Vec3]]:
    """Set up rigid waters at constant volume, with springs to where their oxygens are now."""
    field = app.ForceField(FORCE_FIELD)
    topology = app.Topology()
    chain = topology.addChain()
    for _ in sites:
        residue = topology.addResidue("HOH", chain)
        atoms = [
            topology.addAtom(name, app.Element.getBySymbol(name[0]), residue)
            for name in ("O", "H1", "H2")
        ]
        topology.addBond(atoms[0], atoms[1])
        topology.addBond(atoms[0], atoms[2])
    side = edge_angstrom / 10
    topology.setUnitCellDimensions(openmm.Vec3(side, side, side) * unit.nanometer)
    positions = [openmm.Vec3(*site) for site in sites.reshape(-1, 3) / 10] * unit.nanometer
    modeller = app.Modeller(topology, positions)
    modeller.addExtraParticles(field)
    system = field.createSystem(
        modeller.topology,
        nonbondedMethod=app.PME,
        nonbondedCutoff=CUTOFF_ANGSTROM * unit.angstrom,
        rigidWater=True,
        hydrogenMass=3 * unit.amu,
    )
    springs = openmm.CustomExternalForce("0.5*hold*periodicdistance(x,y,z,x0,y0,z0)^2")
    springs.addGlobalParameter("hold", HOLD_KJ_PER_MOL_NM2)
    for name in ("x0", "y0", "z0"):
        springs.addPerParticleParameter(name)
    for water, oxygen in enumerate(sites[:, 0] / 10):
        springs.addParticle(SITES * water, list(oxygen))
    system.addForce(springs)
    return system, modeller.positions


def with_bonded_hydrogens(oxygens: Points, edge_angstrom: float, threads: str) -> Points:
    """Give oxygens the hydrogens that bind them, and go to the energy minimum of all atoms."""
    system, positions = water_system(with_random_hydrogens(oxygens), edge_angstrom)
    integrator = openmm.LangevinMiddleIntegrator(
        500 * unit.kelvin, 5 / unit.picosecond, 2 * unit.femtosecond
    )
    integrator.setRandomNumberSeed(SEED)
    platform = openmm.Platform.getPlatformByName("CPU")
    context = openmm.Context(system, integrator, platform, {"Threads": threads})
    context.setPositions(positions)
    openmm.LocalEnergyMinimizer.minimize(context, maxIterations=200)
    context.setVelocitiesToTemperature(PROTONS[0][0] * unit.kelvin, SEED)
    for start, end, steps in PROTONS:
        for kelvin in np.linspace(start, end, steps // STEPS_PER_TEMPERATURE):
            integrator.setTemperature(kelvin * unit.kelvin)
            integrator.step(STEPS_PER_TEMPERATURE)
        print(
            f"TIP4P-Ew, {start} to {end} K: {energy(context, len(oxygens)):.2f} kJ/mol", flush=True
        )
    context.setParameter("hold", 0.0)
    openmm.LocalEnergyMinimizer.minimize(context, tolerance=1, maxIterations=2000)
    print(f"TIP4P-Ew, minimum: {energy(context, len(oxygens)):.2f} kJ/mol")
    final = context.getState(positions=True).getPositions(asNumpy=True)
    return final.value_in_unit(unit.angstrom).reshape(-1, SITES, 3)[:, :3]


def energy(context: openmm.Context, molecules: int) -> float:
    """Return the potential energy of one molecule [kJ/mol]."""
    total = context.getState(energy=True).getPotentialEnergy()
    return float(total.value_in_unit(unit.kilojoules_per_mole)) / molecules


def main() -> None:
    """Make the block and write it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path, help="the .npz file to write")
    parser.add_argument("--threads", default="2", help="CPU threads")
    arguments = parser.parse_args()
    count = round(WATERS_PER_A3 * EDGE_ANGSTROM**3)
    edge = (count / WATERS_PER_A3) ** (1 / 3)
    network = cooled(liquid(count, edge), edge, NETWORK, SEED)
    sites = with_bonded_hydrogens(network, edge, arguments.threads)
    oxygens = np.mod(sites[:, 0], edge)
    block = IceBlock(edge, oxygens, sites[:, 1:] - sites[:, :1], sha256="")
    write_ice_block(block, arguments.out)


if __name__ == "__main__":
    main()
