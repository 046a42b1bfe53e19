"""What a laboratory would know of a simulated experiment: everything nominal."""

from diffragan.config.acquisition import AcquisitionSettings, OverviewSettings, ScanSettings
from diffragan.config.scan_simulation import ScanSimulation
from diffragan.simulation.scan.counts import file_type


def nominal_settings(settings: ScanSimulation, format_name: str) -> AcquisitionSettings:
    """Return what a laboratory would know of an experiment: everything nominal."""
    camera, path, image = settings.camera, settings.path, settings.image
    _, most = file_type(camera, format_name)
    return AcquisitionSettings(
        scan=ScanSettings(
            shape=path.shape,
            energy_kev=settings.energy_kev,
            mrad_per_pixel=camera.mrad_per_pixel,
            step_angstrom=path.step_angstrom,
            beam_diameter_angstrom=settings.beam.probe_diameter_angstrom,
            exposure_e_per_a2=camera.detector.exposure_e_per_a2,
            counts_per_electron=camera.counts_per_electron,
            offset_counts=camera.offset_counts,
            saturation_counts=most,
            point_spread_pixels=camera.detector.point_spread_pixels,
            detector_transposed=camera.transposed,
            detector_flipped_y=camera.flipped_y,
            detector_flipped_x=camera.flipped_x,
            scan_to_detector_deg=path.scan_to_detector_deg,
        ),
        overview=OverviewSettings(
            pixel_angstrom=image.pixel_angstrom,
            dose_e_per_a2=image.dose_e_per_a2,
            counts_per_electron=1,
            aperture_mrad=image.aperture_mrad,
            spherical_aberration_mm=image.spherical_aberration_mm,
            scan_to_image_deg=image.scan_to_image_deg,
            image_flipped_y=image.flipped_y,
        ),
    )
