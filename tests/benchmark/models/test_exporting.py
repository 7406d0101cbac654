"""Exported networks, loaded in processes of their own, give the run's logits."""

import itertools
import json
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import lasem_tf
from benchmark import export
from benchmark.models import exporting
from benchmark.models.model_folder import ModelError
from lasem_tf.data import preprocessing as preprocessing_lib
from lasem_tf.training import serving
from tests.benchmark.models import short_runs

pytestmark = pytest.mark.usefixtures("unpinned")

ROOT = pathlib.Path(__file__).resolve().parents[3]
# What a user of the formats would write; the first must not find this package.
_SAVED_MODEL = """
import importlib.util, sys, numpy as np, tensorflow as tf
assert importlib.util.find_spec("lasem_tf") is None and importlib.util.find_spec("benchmark") is None
for folder, images, answers in zip(*[iter(sys.argv[1:])] * 3):
  signatures, found = tf.saved_model.load(folder).signatures, {}
  for name, pixels in np.load(images).items():
    for task in ("task0", "task1"):
      function = signatures[task if name == "images" else f"{task}_photograph"]
      answer = function(**{"images" if name == "images" else "image": tf.constant(pixels)})
      found |= {f"{name}/{task}/{key}": value for key, value in answer.items()}
  np.savez(answers, **found, signatures=sorted(signatures))
"""
_KERAS = """
import sys, keras, numpy as np, benchmark.models.keras_network
for file, images, answers in zip(*[iter(sys.argv[1:])] * 3):
  found = keras.saving.load_model(file)(np.load(images)["images"])
  np.savez(answers, **(found if isinstance(found, dict) else {"only": found}))
"""


def _in_fresh_process(program, folder, exported, images):
  """Arrays by name that the program stored for each exported model, asked about arrays by name."""
  arguments, stored = [], []
  for number, (path, arrays) in enumerate(zip(exported, images)):
    np.savez(folder / f"images{number}.npz", **arrays)
    stored.append(folder / f"answers{number}.npz")
    arguments += [path, folder / f"images{number}.npz", stored[-1]]
  isolated = ["-S"] if program is _SAVED_MODEL else []
  environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "", "PYTHONPATH": str(folder / "packages") if isolated else ""}
  if isolated:  # The installed packages without those that an editable install of this one adds.
    site = pathlib.Path(np.__file__).parents[1]
    (folder / "packages").mkdir(exist_ok=True)
    for path in site.iterdir():
      if path.suffix != ".pth" and "lasem" not in path.name.lower() and not (folder / "packages" / path.name).exists():
        (folder / "packages" / path.name).symlink_to(path)
  finished = subprocess.run([sys.executable, *isolated, "-c", program, *map(str, arguments)], env=environment,
                            cwd=folder if isolated else ROOT, capture_output=True, text=True, check=False)
  assert finished.returncode == 0, finished.stderr
  return [dict(np.load(path)) for path in stored]


@pytest.fixture(name="cases", scope="module")
def _cases(tmp_path_factory, two_tasks, own_photographs):
  """(folder of a run, images that its network takes) of different kinds of learners, with and without pixels."""
  random = np.random.default_rng(0)
  floats = random.normal(size=(5, 16, 16, 3)).astype(np.float32)
  cases = [(two_tasks, floats), (own_photographs[0], random.integers(0, 256, (5, 12, 12, 3), np.uint8))]
  for learner, bindings in (("ewc", "ConvNetSpec.normalisation = 'batch'"), ("dfcnn_top2", ""), ("prognn", "")):
    folder = tmp_path_factory.mktemp(learner)
    run = short_runs.plan(folder, learner, bindings=bindings)
    cases.append((short_runs.train(folder / "out", run, checkpoint_seconds=1e6), floats))
  return cases


def test_saved_models_need_nothing_of_this_package(cases, large_photographs, tmp_path, capsys):
  random = np.random.default_rng(1)
  photographs = {name: random.integers(0, 256, (*size, 3), np.uint8)
                 for name, size in (("odd", (91, 57)), ("tiny", (7, 9)), ("wide", (40, 300)))}
  for name, pixels in photographs.items():
    Image.fromarray(pixels).save(tmp_path / f"{name}.png")
  cases = [*cases, (large_photographs[0], random.integers(0, 256, (3, 64, 64, 3), np.uint8))]
  exported, asked = [], []
  for number, (folder, pixels) in enumerate(cases):
    assert export.main(["export", str(folder), "--format=saved_model", f"--output_dir={tmp_path / str(number)}"]) == 0
    exported.append(tmp_path / str(number) / "saved_model")
    assert f"Written to {exported[-1]}" in capsys.readouterr().out
    asked.append({"images": pixels, **(photographs if pixels.dtype == np.uint8 else {})})
  for (folder, _), arrays, found in zip(cases, asked, _in_fresh_process(_SAVED_MODEL, tmp_path, exported, asked)):
    assert len(found["signatures"]) == (2 if len(arrays) == 1 else 4)
    model = lasem_tf.load(folder)
    for task, (name, pixels) in itertools.product((0, 1), arrays.items()):
      expected = model.logits(pixels, task) if name == "images" else model.logits([tmp_path / f"{name}.png"], task)[0]
      np.testing.assert_allclose(found[f"{name}/task{task}/logits"], expected, rtol=0, atol=1e-5)
      np.testing.assert_allclose(found[f"{name}/task{task}/probabilities"].sum(axis=-1), 1.0, rtol=1e-5)
  names = json.loads((exported[1] / "assets.extra" / "classes.json").read_text())
  assert names == {"task0": ["ant", "bee"], "task1": ["cow", "dog"]}


def test_keras_files_are_loaded_with_this_package(cases, tmp_path):
  exported = [exporting.export(folder, "keras", "all", tmp_path / str(number))
              for number, (folder, _) in enumerate(cases)]
  exported.append(exporting.export(cases[1][0], "keras", "1", tmp_path / "one"))
  images = [{"images": pixels} for pixels in (*(pixels for _, pixels in cases), cases[1][1])]
  *all_tasks, one = _in_fresh_process(_KERAS, tmp_path, exported, images)
  for (folder, pixels), found in zip(cases, all_tasks):
    for task in (0, 1):
      np.testing.assert_allclose(found[f"task{task}"], lasem_tf.load(folder).logits(pixels, task), rtol=1e-5, atol=1e-5)
  np.testing.assert_array_equal(one["only"], all_tasks[1]["task1"])


def test_pixels_are_prepared_in_the_graph_as_outside_of_it():
  pixels = np.random.default_rng(0).integers(0, 256, (3, 6, 6, 3), np.uint8)
  for rule in (preprocessing_lib.Preprocessing((6, 6, 3), mean=(0.4, 0.5, 0.6), deviation=(0.2, 0.3, 0.1), rotation=90,
                                               permutation_seed=3),
               preprocessing_lib.Preprocessing((6, 6, 3), offset=-0.4, limits=(-0.5, 0.5), channel_order=(2, 0, 1),
                                               rotation=180)):
    expected = rule.normalize(pixels.astype(np.float32) / np.float32(255))
    np.testing.assert_allclose(serving.prepared(pixels, rule), expected, rtol=1e-6, atol=1e-6)


def test_what_cannot_be_exported_is_refused_by_name(two_tasks, tmp_path, monkeypatch):
  def logits(self, images, task_id):
    raise NotImplementedError("it asks NumPy")

  monkeypatch.setattr("lasem_tf.learners.composed.Composed.logits", logits)
  with pytest.raises(ModelError, match="Composed cannot be exported as saved_model: .* asks NumPy"):
    exporting.export(two_tasks, "saved_model", "all", tmp_path)
  assert not list(tmp_path.iterdir())


def test_a_full_disk_is_not_the_learners_fault(two_tasks, tmp_path, monkeypatch):
  def save(*_, **options):
    raise tf.errors.ResourceExhaustedError(None, None, "no space left")

  monkeypatch.setattr(tf.saved_model, "save", save)
  with pytest.raises(ModelError, match="saved_model cannot be written: make room"):
    exporting.export(two_tasks, "saved_model", "0", tmp_path)
  assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("arguments, message", [
    (["--format=keras", "--output_dir=OUT"], "takes the folder of one run"),
    (["RUN", "--format=keras", "--output_dir=OUT", "--results_dir=x"], "takes the folder of one run"),
    (["RUN", "--format=keras"], "--output_dir is missing"), (["RUN", "--output_dir=OUT"], "unexpected argument"),
    (["RUN", "--format=keras", "--output_dir=OUT", "--task=5"], "There is no task 5"),
    (["nowhere", "--format=keras", "--output_dir=OUT"], "no such folder"),
    (["RUN", "--format=keras", "--output_dir=FULL"], "exists: delete it")])
def test_bad_input_ends_with_status_2_and_one_line(two_tasks, tmp_path, capsys, arguments, message):
  (tmp_path / "full" / "model.keras").mkdir(parents=True)
  places = {"RUN": str(two_tasks), "OUT": str(tmp_path / "out"), "FULL": str(tmp_path / "full")}
  for name, place in places.items():
    arguments = [argument.replace(name, place) for argument in arguments]
  with pytest.raises(SystemExit) as ended:
    export.main(["export", *arguments])
  error = capsys.readouterr().err
  assert ended.value.code == 2 and error.count("Error: ") == 1 and message in error
