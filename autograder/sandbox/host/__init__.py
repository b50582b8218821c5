"""The trusted side of the sandbox: start a guest, send it requests, check its answers."""
