"""What a simulated experiment was, gathered once its frames are made."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from diffragan.io.provenance import provenance
from diffragan.io.scans.truth import ScanTruth, TruthArrays
from diffragan.simulation.scan.lattice import image_lattice, image_side
from diffragan.simulation.scan.scene import Scene
from diffragan.structures.prepared import PreparedStructure


def truth_of(
    scene: Scene,
    structures: Sequence[PreparedStructure],
    seed: int,
    rows: Sequence[dict[str, Any]],
) -> ScanTruth:
    """Gather what an experiment was.

    Parameters
    ----------
    structures : The molecules' kinds.
    rows : For each frame, the values of the truth's arrays that only its making tells.
    """
    settings = scene.instrument.settings
    camera, path, image = settings.camera, settings.path, settings.image
    frame = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    middle = camera.pixels // 2
    places = np.array([one.place for one in scene.placed]).reshape(-1, 2)
    pixel = image_lattice(settings).pixels(places)[:, ::-1]
    if image.flipped_y:
        pixel = np.stack([image_side(settings) - 1 - pixel[:, 0], pixel[:, 1]], 1)
    waves = [wave.on_grid(camera.pixels, settings.box_angstrom).numpy() for wave in scene.waves]
    arrays = TruthArrays(
        frame_class=frame["frame_class"].astype(np.uint8),
        beam=scene.beam.astype(np.float32),
        direct_beam_pixels=(scene.centres + middle).astype(np.float32),
        exposure_e_per_a2=scene.exposures.astype(np.float32),
        frame_molecule=frame["frame_molecule"].astype(np.int32),
        frame_share=frame["frame_share"].astype(np.float32),
        frame_offset=frame["frame_offset"].astype(np.float32),
        frame_lit=frame["frame_lit"].astype(np.int32),
        ice_angstrom=frame["ice_angstrom"].astype(np.float32),
        carbon_angstrom=frame["carbon_angstrom"].astype(np.float32),
        crystalline_share=frame["crystalline_share"].astype(np.float32),
        lost=frame["lost"].astype(np.float32),
        molecule_place=places,
        molecule_structure=np.array([one.structure for one in scene.placed], np.int32),
        molecule_quaternion=np.array([one.quaternion for one in scene.placed]).reshape(-1, 4),
        molecule_shift=np.array([one.shift for one in scene.placed]).reshape(-1, 3),
        molecule_damaged=np.array([one.damaged for one in scene.placed], bool),
        molecule_radius_angstrom=np.array([w.radius_angstrom for w in scene.waves], np.float32),
        molecule_pixel=pixel.astype(np.float32),
        waves=np.array(waves, np.complex64).reshape(-1, camera.pixels, camera.pixels),
    )
    scan = {
        "structures": [structure.name for structure in structures],
        "box_angstrom": settings.box_angstrom,
        "mrad_per_pixel": camera.mrad_per_pixel * (1 + camera.camera_length_error),
        "ellipticity": camera.ellipticity,
        "ellipticity_angle_deg": camera.ellipticity_angle_deg,
        "step_angstrom": path.step_angstrom * (1 + path.scale_error),
        "scan_rotation_deg": path.rotation_error_deg,
        "scan_to_detector_deg": path.scan_to_detector_deg - path.rotation_error_deg,
        "scan_to_image_deg": image.scan_to_image_deg
        + image.rotation_error_deg
        - path.rotation_error_deg,
        "nominal_to_detector_deg": path.scan_to_detector_deg,
        "nominal_to_image_deg": image.scan_to_image_deg + image.rotation_error_deg,
        "image_pixel_angstrom": image.pixel_angstrom * (1 + image.scale_error),
        "image_offset_angstrom": image.offset_angstrom,
        "defocus_angstrom": image.defocus_angstrom,
    }
    inputs = {structure.name: structure.sha256 for structure in structures}
    record = provenance("simulate --scan", settings.model_dump(mode="json"), seed, inputs)
    return ScanTruth(arrays, scan, record)
