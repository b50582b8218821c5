"""The untrusted side of the sandbox: the warm process and the forks in which student code runs."""
