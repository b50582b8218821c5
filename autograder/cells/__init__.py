"""Notebook cells run as in Jupyter, on either side of the sandbox."""
