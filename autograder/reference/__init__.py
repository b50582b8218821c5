"""What is right: hidden cases and their reference gradients. Trusted side only."""
