"""The commands of docs/tutorial.md, word for word and in order, on a folder of small generated photographs.

One exception: of the full training, which takes minutes, only the dry run is made.
"""

import contextlib
import importlib
import io
import itertools
import pathlib
import re
import shlex

import pytest

from benchmark.execution import process, run_once
from benchmark.execution.settings import Settings
from benchmark.results import records
from benchmark.suites import suite
from lasem_tf.training.interruption import Interrupted
from tests.data import photographs

_TUTORIAL = pathlib.Path(__file__).resolve().parents[1] / "docs" / "tutorial.md"
_FULL = "python -m benchmark.run --gin_file=suite.gin"


def _commands() -> list[str]:
  blocks = re.findall(r"^```bash\n(.*?)^```", _TUTORIAL.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
  return [line for block in blocks for line in block.replace("\\\n", "").splitlines()]


@pytest.fixture(name="outputs", scope="module")
def _outputs(tmp_path_factory):
  """What every command printed, by the command; the folder is the current one meanwhile."""
  with pytest.MonkeyPatch.context() as patch:
    folder = tmp_path_factory.mktemp("tutorial")
    photographs.write(folder / "photos", photographs.CLASSES[:4], per_class=12, longest=32)
    patch.chdir(folder)
    for name in ("prepare_process", "start_tensorflow"):  # This process has TensorFlow already, and keeps its cores.
      patch.setattr(process, name, lambda *_: None)
    yield folder, {command: _run(command) for command in _commands()}


def _run(command: str) -> tuple[int, str]:
  python, option, module, *arguments = shlex.split(command)
  assert (python, option) == ("python", "-m")
  if command == _FULL:
    arguments.append("--dry_run")
  out = io.StringIO()
  with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
    try:
      status = importlib.import_module(module).main([module, *arguments])
    except SystemExit as error:
      status = error.code
  return status, out.getvalue()


def test_every_command_succeeds_as_it_is_written(outputs):
  folder, by_command = outputs
  assert len(by_command) >= 10 and _FULL in by_command
  assert {command: text for command, (status, text) in by_command.items() if status} == {}
  assert (folder / "streams" / "photos.gin").is_file() and (folder / "report" / "index.html").is_file()
  assert len(list((folder / "runs" / "previews" / "photos").glob("*.png"))) == 2


def test_they_say_what_the_tutorial_says(outputs):
  _, by_command = outputs
  said = {command: text for command, (_, text) in by_command.items()}
  check, dry_run = (next(text for command, text in said.items() if word in command)
                    for word in (" check ", "--dry_run"))
  assert "Nothing is amiss" in check and "photos/lasem_hps/paper/seed1" in dry_run
  (short,) = (text for command, text in said.items() if "runs/short" in command and ".run " in command)
  assert "Nothing here was tuned for these data" in short
  (answers,) = (text for command, text in said.items() if ".predict " in command)
  assert answers.count(".jpg") == 12 and "ant" in answers and "bee" in answers
  assert all(name in short for name in ("STL", "HPS All", "LASEM HPS", "photos, scale paper"))


def test_the_record_is_that_of_the_folder(outputs):
  folder, _ = outputs
  found = records.load_records([str(folder / "runs" / "short")])
  assert sorted(record.identity for record in found) == [
      f"photos/{learner}/paper/seed0" for learner in ("hps_all", "lasem_hps", "stl")]
  streams = [record.result["stream"] for record in found]
  assert {stream["display_name"] for stream in streams} == {"photos"}
  assert len({stream["data_fingerprint"] for stream in streams}) == 1
  assert streams[0]["counts"] == {"train": [16, 16], "validation": [2, 2], "test": [6, 6]}
  assert streams[0]["protocol"]["split"] == "0.6/0.1/0.3"


def test_a_stopped_run_goes_on_to_the_same_result(outputs, monkeypatch):
  folder, _ = outputs
  monkeypatch.chdir(folder)
  runs = suite.load(["suite.gin"], ["EPOCHS_PER_TASK = 2", "suite.seeds = (0,)", "suite.learners = ('stl',)"])[1]
  settings = Settings(output_dir="runs/stopped", checkpoint_seconds=0.0, tensorboard=False)
  questions = itertools.count()
  with pytest.raises(Interrupted):
    run_once.execute(runs[0], settings, lambda event: None, lambda: next(questions) == 3)
  assert list((folder / "runs" / "stopped").rglob("checkpoints/*"))
  resumed = run_once.execute(runs[0], settings, lambda event: None, lambda: False)
  (uninterrupted,) = (record for record in records.load_records([str(folder / "runs" / "short")])
                      if record.identity == resumed.identity)
  assert resumed.provenance["resumptions"] == 1 and resumed.result == uninterrupted.result
