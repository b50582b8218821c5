"""The commands beside `grade`, a module for each or for a group; they parse, call and say in one line what failed."""
