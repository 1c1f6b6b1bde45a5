"""Pure: outcomes become score, verdict and decision; waivers."""
