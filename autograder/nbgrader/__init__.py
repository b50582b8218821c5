"""Plug the engine into nbgrader's steps; nbgrader_config.py names these classes."""
