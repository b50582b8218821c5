"""The error of an exercise's own cells. It is here so that whoever only names it does not import torch."""


class SetupError(RuntimeError):
    """Raised where a setup cell of the exercise raises; the message has its error."""
