"""Run notebook cells as Jupyter does; both sides of the sandbox use this."""
