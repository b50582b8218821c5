"""Explain why a step is wrong, from the forward lines, the numbers of several cases and the student's code.

reason.py has the order in which the others are asked. Nothing here knows a particular network or runs a student's code.
"""
