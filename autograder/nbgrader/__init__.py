"""Plugins for nbgrader, named in nbgrader_config.py."""
