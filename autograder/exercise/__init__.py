"""Read a solution notebook into an Exercise."""
