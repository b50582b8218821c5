"""`make demo`: a sample class through the whole course, with real commands."""
