"""Run strangers' code: a trusted host, an untrusted guest, and the messages between them."""
