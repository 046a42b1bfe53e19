"""Networks that know tensors and settings, and no files."""
