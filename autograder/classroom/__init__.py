"""Many submissions: run them, keep what is done, show the class."""
