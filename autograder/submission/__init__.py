"""A student's notebook, read: its cells as a script, and what its code says."""
