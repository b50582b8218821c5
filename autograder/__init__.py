"""Mark backpropagation written by hand against hidden reference gradients."""
