"""Derive the backward pass of a forward line as code, by a table of rules: one for each usual operation."""
