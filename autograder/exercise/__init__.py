"""A solution notebook, read into what grading needs."""
