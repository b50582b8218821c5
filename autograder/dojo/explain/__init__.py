"""Explain why a gradient is wrong, from the forward pass and the numbers alone. The entry is cascade.explain."""
