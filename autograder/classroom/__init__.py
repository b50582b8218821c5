"""Grade many submissions: run them, keep finished results, show the class."""
