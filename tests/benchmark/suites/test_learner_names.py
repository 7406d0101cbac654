"""What a learner's name stands for."""

import pytest

from benchmark.suites import learner_names
from benchmark.suites.gin_files import ConfigurationError

_KNOWLEDGE, _SELECTION = "learners/knowledge", "learners/selection"


@pytest.mark.parametrize("name, files, bindings", [
    ("ewc", ("learners/ewc.gin",), ()),
    ("hps_0110", (f"{_KNOWLEDGE}/hps.gin", f"{_SELECTION}/static.gin"), ("Static.configuration = '0110'",)),
    ("tf_top1", (f"{_KNOWLEDGE}/tf.gin", f"{_SELECTION}/static.gin"), ("Static.configuration = 'top1'",)),
    ("dfcnn_office_home_top2", (f"{_KNOWLEDGE}/dfcnn.gin", f"{_SELECTION}/static.gin"),
     ("Static.configuration = 'office_home_top2'",)),
    ("dfcnn_2021_all", (f"{_KNOWLEDGE}/dfcnn_2021.gin", f"{_SELECTION}/static.gin"), ("Static.configuration = 'all'",)),
    ("lasem_hps", (f"{_KNOWLEDGE}/hps.gin", f"{_SELECTION}/lasem.gin"), ()),
    ("lasem_hps_2021", (f"{_KNOWLEDGE}/hps.gin", f"{_SELECTION}/lasem_2021.gin"), ()),
    ("lasem_dfcnn_2021", (f"{_KNOWLEDGE}/dfcnn_2021.gin", f"{_SELECTION}/lasem_2021.gin"), ()),
    ("lasemg128_tf_2021", (f"{_KNOWLEDGE}/tf.gin", f"{_SELECTION}/lasemg128_2021.gin"), ()),
    ("darts_dfcnn_second_order", (f"{_KNOWLEDGE}/dfcnn.gin", f"{_SELECTION}/darts_second_order.gin"), ()),
])
def test_names_stand_for_files_and_bindings(name, files, bindings):
  assert learner_names.resolve(name) == learner_names.LearnerFiles(files, bindings)


@pytest.mark.parametrize("name, nearest", [
    ("hps_topp2", "hps_top2"), ("lasem_hsp", "lasem_hps"), ("lasem", "lasem_hps"), ("static_hps", "hps"),
    ("hps_", "hps"),
    ("darts_dfcnn_2022", "darts_dfcnn"), ("hps_top0", "hps_top"), ("ewcc", "ewc"),
])
def test_misspelt_names_get_their_nearest(name, nearest):
  with pytest.raises(ConfigurationError, match=f"No learner '{name}'.*Did you mean .*{nearest}"):
    learner_names.resolve(name)


def test_every_listed_name_resolves():
  names = learner_names.names()
  assert len(names) >= 100 and all(learner_names.resolve(name) for name in names)


def test_files_of_the_working_folder_add_and_replace_learners(tmp_path, monkeypatch, capsys):
  (tmp_path / "learners/knowledge").mkdir(parents=True)
  (tmp_path / "learners/knowledge/mine.gin").write_text("include 'learners/knowledge/hps.gin'\n")
  (tmp_path / "learners/stl.gin").write_text("include 'learners/stl.gin'\n")
  monkeypatch.chdir(tmp_path)
  assert learner_names.resolve("mine_top2").files[0] == "learners/knowledge/mine.gin"
  assert learner_names.resolve("lasem_mine").files[1] == "learners/selection/lasem.gin"
  assert not capsys.readouterr().err
  learner_names.resolve("stl")
  assert capsys.readouterr().err == "learners/stl.gin of the working folder replaces the shipped file.\n"
