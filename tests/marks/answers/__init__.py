"""Right and wrong answers to the other assignments: a module for each, with these three names.

SIZES: by exercise, the parameters of two cases that the grader does not know, which decide whether a mutation is wrong;
all sizes differ from each other, and come in another order in the second. RIGHT and WRONG: by exercise and solution
cell, code that may stand in its cell alone, beside any others.
"""
