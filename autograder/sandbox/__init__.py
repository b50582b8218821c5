"""Run strangers' code: a trusted host starts an untrusted guest, and messages cross between them."""
