"""Tools for authors: check an exercise before it is released, and write a new one from its forward pass."""
