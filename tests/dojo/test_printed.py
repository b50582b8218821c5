"""Sentences in lines."""

from autograder.dojo.printed import WIDTH, print_wrapped


def test_no_line_is_longer_and_none_breaks_inside_a_word(capsys):
    sentence = "a sentence with-a-hyphenated-word " * 8
    print_wrapped(sentence, "> ", "  ")
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= WIDTH
    assert lines[0].startswith("> a sentence")
    assert all(line.startswith("  ") for line in lines[1:])
    assert " ".join(line[2:] for line in lines).split() == sentence.split()
