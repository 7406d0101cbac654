"""Gin files as text: includes, imports, and what a folder of one's own changes."""

import os

import pytest

from benchmark.suites import gin_files, gin_text
from benchmark.suites.gin_files import ConfigurationError


@pytest.fixture(name="write")
def _write(tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)
  monkeypatch.setattr(gin_files, "_announced", set())

  def write(name, text):
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(path)

  return write


def read(*files, bindings=()):
  return gin_text.Reader().read(files, bindings)


def test_gin_files_are_found_by_their_short_names():
  assert os.path.samefile(gin_files.resolve("scale/smoke.gin"), gin_files.resolve("gin/scale/smoke.gin"))
  with pytest.raises(ConfigurationError, match="Did you mean smoke"):
    gin_files.resolve("scale/smok.gin")


def test_later_statements_win_and_the_text_says_it_all(write):
  write("first.gin", "import json\nA.x = 1\nB = (1, 2.5, 'z', {'k': @C()})\n")
  second = write("second.gin", "include 'first.gin'\nscope/mod.A.x = %B\nmod.A.x = 3\n")
  found = read(second, bindings=["B = None"])
  assert found.values == {"A.x": 3, "B": None, "scope/A.x": gin_text.Macro("B")}
  assert found.modules == ["json"]
  again = gin_text.bound_values("\n".join(found.render().splitlines()[1:]))
  assert again == found.values and "scope/mod.A.x = %B" in found.render()


@pytest.mark.parametrize("text, message", [
    ("A = %A", "Macro %A stands for itself, through %A"), ("A = (1, %B)\nB = {'x': %A}", "through %B, %A"),
    ("A = (%B, %B, %B, %B, %B, %B, %B, %B, %B, %B)\n" + "".join(
        f"{name} = ({', '.join([f'%{after}'] * 10)})\n" for name, after in zip("BCDEFGH", "CDEFGHI")) + "I = 1",
     "stand for more than 10000 values")])
def test_macros_of_macros_have_an_end(text, message):
  values = gin_text.bound_values(text)
  with pytest.raises(ConfigurationError, match=message):
    gin_text.expand_macros(values["A"], values)
  assert gin_text.expand_macros((gin_text.Macro("X"), 1), values) == (gin_text.Macro("X"), 1)


def test_own_files_may_lie_in_folders_of_the_shipped_names(write):
  write("learners/mine.gin", "include 'learners/knowledge/hps.gin'\n")
  write("streams/mine.gin", "include 'base.gin'\n")
  write("scale/tiny.gin", "include 'scale/smoke.gin'\n")
  assert "Composed.knowledge" in read("learners/mine.gin").values
  assert "experiment.batch_size" in read("streams/mine.gin").values
  assert read("scale/tiny.gin").values == read("scale/smoke.gin").values
  assert "experiment.learner" in read("learners/selection/lasem.gin", "learners/knowledge/hps.gin").values


def test_an_own_file_replaces_a_shipped_one_by_name_and_is_announced(write, capsys):
  write("base.gin", "include 'base.gin'\nPROTOCOL = 'reference'\n")
  found = read("streams/synthetic.gin")
  assert found.values["PROTOCOL"] == "reference" and "experiment.batch_size" in found.values
  assert capsys.readouterr().err == "base.gin of the working folder replaces the shipped file.\n"


@pytest.mark.parametrize("name, text, message", [
    ("loop.gin", "include 'loop.gin'\n", "loop.gin includes itself"),
    ("gone.gin", "A.x = 1\ninclude 'nowhere.gin'\n", "gone.gin, line 2: no gin file 'nowhere.gin' to include"),
    ("half.gin", "A.x =\n", "half.gin"),
    ("deep.gin", "A.x = " + "(" * 3000, "deep.gin"),
    ("latin.gin", b"A.x = '\xe9'\n", "latin.gin is not encoded in UTF-8"),
    ("inf.gin", "A.x = (1, {'a': [1e999]})\n", "inf.gin, line 1: A.x holds a number that is not finite"),
    ("large.gin", f"A.x = [1, {'9' * 400}]\n", "a whole one beyond 10^18; bind another"),
])
def test_what_is_no_gin_file_is_refused_in_one_line(write, name, text, message):
  with pytest.raises(ConfigurationError) as error:
    read(write(name, text))
  assert message in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize("times, length, words", [(2, 26, "included more than 500 times"), (1, 600, "50 files deep"),
                                                  (30, 3, "included more than 500 times")])
def test_bombs_of_includes_are_refused_at_once_with_the_file(write, times, length, words):
  for number in range(length):
    write(f"b{number}.gin", f"include 'b{number + 1}.gin'\n" * times)
  write(f"b{length}.gin", "A.x = 1\n")
  with pytest.raises(ConfigurationError, match=rf"b\d+\.gin, line \d+: .*{words}.*; include") as error:
    read("b0.gin")
  assert len(str(error.value).splitlines()) == 1


def test_large_files_are_not_included_again_and_again(write):
  write("large.gin", "# " + "x" * 1_000_000 + "\n")
  write("all.gin", "include 'large.gin'\n" * 5)
  with pytest.raises(ConfigurationError, match="all.gin, line 5: .* more than 4194304 characters in all"):
    read("all.gin")


def test_bounds_on_includes_are_those_of_one_text(write):
  write("leaf.gin", "A.x = 1\n")
  write("all.gin", "include 'leaf.gin'\n" * 300)
  reader = gin_text.Reader()
  for _ in range(3):
    assert reader.read(["all.gin"]).values == {"A.x": 1}


def test_files_that_include_each_other_are_refused(write):
  write("one.gin", "include 'two.gin'\n")
  write("two.gin", "include 'one.gin'\n")
  with pytest.raises(ConfigurationError, match="includes itself"):
    read("one.gin")


def test_a_name_that_no_file_can_have_is_refused():
  with pytest.raises(ConfigurationError, match="x{300}"):
    read("x" * 300 + ".gin")


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read everything")
def test_files_without_permission_are_refused(write):
  path = write("secret.gin", "A.x = 1\n")
  os.chmod(path, 0)
  with pytest.raises(ConfigurationError, match="secret.gin cannot be read"):
    read(path)


def test_a_byte_order_mark_is_no_part_of_a_name(write):
  assert read(write("marked.gin", b"\xef\xbb\xbfA.x = 1\n")).values == {"A.x": 1}
