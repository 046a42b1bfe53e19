"""Phase single-molecule electron diffraction."""

__version__ = "0.1.0"
