"""The trusted side of the sandbox: start it, send requests, check what comes back."""
