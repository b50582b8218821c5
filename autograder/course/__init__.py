"""One course: the layout of its folder, its settings and secret, and graders opened with them."""
