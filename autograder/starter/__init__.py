"""From an installed package to a course: lay out its folder, and say what is not in order."""
