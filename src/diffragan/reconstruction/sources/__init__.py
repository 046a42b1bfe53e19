"""Images of particles for every engine, wherever they come from: stores or STAR files."""
