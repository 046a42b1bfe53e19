"""Training of the unrolled network: waves, conditions drawn anew, loss, loop."""
