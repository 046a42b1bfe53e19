"""Training of learned phasers: data, losses, steps, the loop."""
