"""What a gradebook says, as data."""

from datetime import timedelta

from autograder.course.register import Register, Standing, absent_students, said_of_absent


def test_of_nobody_nothing_is_known():
    assert (Register().due, dict(Register().standings)) == (None, {})
    assert (Standing().late, Standing().penalty, dict(Standing().scores)) == (timedelta(), 0.0, {})


def test_those_who_have_handed_in_nothing():
    absent = absent_students(["zoe", "ada", "ann"], {"ada"})
    assert absent == ("ann", "zoe")
    assert absent_students(["zoe", "ada", "ann"], {"ada"}, "z*") == ("zoe",)
    assert said_of_absent(absent) == "missing: 2 students of the gradebook have handed in nothing: ann, zoe"
    assert said_of_absent(["a"] * 400).endswith("a, a and 390 more")
    assert "\n" not in said_of_absent(["a\nb"])
