"""What nbgrader_config.py puts into nbgrader's steps."""
