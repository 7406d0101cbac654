"""Kept configurations are values; what is none is refused in one line."""

import pytest

from benchmark.results import gin_texts
from benchmark.results.record_schema import RecordError


def test_macros_are_resolved_as_far_as_they_are_defined():
  assert gin_texts.bound_values("A = 3\nB = (%A, %C)\nx.y = %B\n", "run")["x.y"][0] == 3
  assert gin_texts.bound_values("", "run") == {}


@pytest.mark.parametrize("text", ["x.y = = 3", "x.y = (", "x.y = 'a", "\x00", "A = %A\nx.y = %A", f"x.y = {'(' * 300}",
                                  "A = %B\nB = %A\nx.y = %A", f"x.y = {'9' * 5000}"])
def test_other_texts_are_refused_in_one_line(text):
  with pytest.raises(RecordError, match="^run: its configuration is no Gin text") as error:
    gin_texts.bound_values(text, "run")
  assert "\n" not in str(error.value)


def test_nothing_is_imported(tmp_path, monkeypatch):
  (tmp_path / "mischief.py").write_text("raise SystemExit('imported')\n")
  monkeypatch.syspath_prepend(tmp_path)
  assert gin_texts.bound_values("import mischief\nx.y = @mischief.run()\n", "run")["x.y"].name == "mischief.run"
