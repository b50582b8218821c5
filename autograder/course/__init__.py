"""One course folder: its layout, settings and secret, and graders opened with them."""
