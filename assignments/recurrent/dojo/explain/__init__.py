"""Explain why a gradient is wrong, from the lines of the forward pass and the numbers alone.

cascade.explain asks the other modules in turn. Nothing here knows a particular network or reads a notebook.
"""
