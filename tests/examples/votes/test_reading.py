"""Files of answers and truths, good and broken."""

from __future__ import annotations

import pytest

from examples.votes.reading import SAMPLE, read_answers, read_truths
from harmonium.protocols.errors import ConfigError


def _file(tmp_path, text):
    path = tmp_path / "answers.csv"
    path.write_text(text)
    return path


def test_questions_stand_in_order_of_first_appearance(tmp_path):
    """Lines of a question may stand anywhere; its first one places it."""
    path = _file(tmp_path, "question,worker,answer\nb,w,1\na,w,0\nb,v,0\n")
    file = read_answers(path)
    assert list(file.answers) == ["b", "a"]
    assert file.answers["b"] == {"w": "1", "v": "0"}
    assert file.by_worker == {"w": {"b": "1", "a": "0"}, "v": {"b": "0"}}
    assert file.options == ("0", "1")
    assert file.problems == ()


def test_a_second_answer_and_a_broken_line_are_left_out(tmp_path):
    """Each is reported with its line, and the first answer stands."""
    path = _file(tmp_path, "question,worker,answer\nq,w,1\nq,w,0\nq,v\nq,,1\n")
    file = read_answers(path)
    assert file.answers == {"q": {"w": "1"}}
    assert [one.split(":")[0] for one in file.problems] == ["line 3", "line 4", "line 5"]


@pytest.mark.parametrize("text", ["", "a,b\nq,w\n", "question,worker,answer\n"])
def test_a_file_of_which_nothing_can_be_used_is_refused(tmp_path, text):
    """Empty, another header, and no line under it."""
    with pytest.raises(ConfigError):
        read_answers(_file(tmp_path, text))


def test_a_missing_file_is_refused(tmp_path):
    """With its name."""
    with pytest.raises(ConfigError, match="nowhere"):
        read_answers(tmp_path / "nowhere.csv")


def test_the_first_truth_of_a_question_stands(tmp_path):
    """A second one is reported."""
    truths = read_truths(_file(tmp_path, "question,truth\nq,1\nq,0\n"))
    assert truths.truths == {"q": "1"}
    assert "line 3" in truths.problems[0]


def test_the_sample_is_clean():
    """A few hundred answers, nothing to complain of."""
    file = read_answers(SAMPLE)
    assert len(file.answers) == 60
    assert sum(map(len, file.answers.values())) > 200
    assert file.problems == ()
