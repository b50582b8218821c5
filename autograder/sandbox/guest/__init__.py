"""The untrusted side of the sandbox: a warm process and its forks, in which student code runs."""
