"""Try a step as marking does: on other data and sizes, with random gradients in place of the earlier ones."""
