"""Compute the right answers: hidden cases and their reference gradients. Trusted side only."""
