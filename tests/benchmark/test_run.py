"""The command line of `benchmark.run`: exit statuses, messages, continuing and extending a suite."""

import json
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

from benchmark import run
from benchmark.execution import cost_measurement, cost_model, run_folder
from benchmark.execution.settings import Settings
from benchmark.results import records
from benchmark.suites import suite as suite_lib
from tests.benchmark import small_suite

_SMALL = ("--gin_param=suite.learners = ('stl',)", "--gin_param=suite.seeds = (0,)", "--gin_param=EPOCHS_PER_TASK = 1",
          "--gin_param=GROUPS = ('texture', 'texture')", "--gin_param=suite.baseline = None")


def _run(*arguments, suite: str = "smoke") -> int:
  """Exit status of the command line with a shipped suite."""
  try:
    return run.main(["benchmark.run", f"--gin_file=gin/suites/{suite}.gin", *arguments])
  except SystemExit as error:
    return error.code


def _files(directory) -> dict[str, float]:
  return {str(path): path.stat().st_mtime_ns for path in pathlib.Path(directory).rglob("record.json")}


def _losses(directory) -> list[float]:
  """The losses of every epoch but the untrained one's, of the only run in the folder."""
  (path,) = pathlib.Path(directory).rglob("events.jsonl")
  events = map(json.loads, path.read_text().splitlines())
  losses = [event["loss"] for event in events if event["event"] == "epoch" and event["loss"] is not None]
  assert losses
  return losses


@pytest.fixture(name="finished", scope="module")
def _finished(tmp_path_factory):
  """A finished suite of one run."""
  directory = tmp_path_factory.mktemp("suite")
  assert _run(*_SMALL, f"--output_dir={directory}", "--jobs=1") == 0
  return directory


def test_a_suite_writes_record_events_configuration_and_tables(finished):
  run_dir = finished / "synthetic" / "stl" / "smoke" / "seed0"
  record = json.loads((run_dir / "record.json").read_text())
  assert record["identity"] == "synthetic/stl/smoke/seed0"
  assert record["result"]["status"] == "completed"
  assert len(record["result"]["accuracy"]["after_visit"]) == 2
  assert record["provenance"]["command"] and record["provenance"]["cpu_seconds"] > 0
  assert (run_dir / "requested.gin").exists() and (run_dir / "operative.gin").exists()
  events = [json.loads(line) for line in (run_dir / "events.jsonl").read_text().splitlines()]
  assert [event["event"] for event in events].count("epoch") == 3  # two tasks of one epoch, and the untrained network
  assert "STL" in (finished / "table.md").read_text() and (finished / "table.csv").exists()


def test_a_finished_suite_is_not_trained_again_and_can_be_extended(finished, capsys):
  before = _files(finished)
  assert _run(*_SMALL, f"--output_dir={finished}") == 0
  assert _files(finished) == before
  extended = [argument.replace("(0,)", "(0, 1)") for argument in _SMALL]
  assert _run(*extended, f"--output_dir={finished}", "--jobs=1") == 0
  after = _files(finished)
  assert len(after) == 2 and before.items() <= after.items()
  assert "seed1: begins" in capsys.readouterr().err


def test_runs_of_another_configuration_are_not_overwritten(finished, capsys):
  other = [argument.replace("EPOCHS_PER_TASK = 1", "EPOCHS_PER_TASK = 2") for argument in _SMALL]
  assert _run(*other, f"--output_dir={finished}") == 2
  assert "holds a run of another configuration" in capsys.readouterr().err


def _of(learners, *further) -> list[str]:
  return [*_SMALL, f"--gin_param=suite.learners = {learners}", *further]


def test_data_that_changed_are_refused_before_training_and_leave_no_claim(finished, tmp_path, capsys):
  """Of the learners and seeds that are to be trained none is finished."""
  output = tmp_path / "out"
  shutil.copytree(finished, output)
  path = output / "synthetic" / "stl" / "smoke" / "seed0"
  record = records.read_record(path)
  record.result["stream"]["data_fingerprint"] = "of other pixels"
  records.write_record(record, path)
  before = sorted(output.rglob("*"))
  assert _run(*_of(("snn", "hps_all"), "--gin_param=suite.seeds = (0, 3)"), f"--output_dir={output}") == 2
  error = [line for line in capsys.readouterr().err.splitlines() if line.startswith("Error: ")]
  assert len(error) == 1 and "The data of synthetic changed since synthetic/stl/smoke/seed0" in error[0]
  assert "was of other pixels" in error[0] and "--data_dir" in error[0] and "--output_dir" in error[0]
  assert sorted(output.rglob("*")) == before


def test_dry_run_tells_a_finished_run_a_begun_one_and_a_conflict(finished, tmp_path, capsys, monkeypatch):
  monkeypatch.setattr(cost_measurement, "measure", lambda: cost_model.CostModel(1.0, 1e-3, 30.0))
  output = tmp_path / "out"
  shutil.copytree(finished, output)
  settings, learners = Settings(str(output), command=""), ("stl", "snn", "hps_top2")
  shutil.rmtree(output / "synthetic" / "stl" / "smoke" / "seed1", ignore_errors=True)  # Where another test made it.
  expand = lambda *further: suite_lib.load(
      ["gin/suites/smoke.gin"], [text.partition("=")[2] for text in _of(learners, *further)])[1]
  (_, begun, _), (_, _, other) = expand(), expand("--gin_param=EPOCHS_PER_TASK = 2")
  for claimed in (begun, other):
    run_folder.claim(settings.run_dir(claimed), claimed)
    (settings.run_dir(claimed) / "requested.gin").write_text(claimed.text)
  assert _run(*_of(learners, "--dry_run"), f"--output_dir={output}") == 0
  output_text = capsys.readouterr().out
  states = {line.split()[0]: line.split()[-1] for line in output_text.splitlines()
            if line.startswith("synthetic/") and line.split()[0].endswith("/seed0")}
  assert states == {"synthetic/stl/smoke/seed0": "finished", "synthetic/snn/smoke/seed0": "begun",
                    "synthetic/hps_top2/smoke/seed0": "conflict"}
  assert "another configuration (experiment.epochs_per_task: 2 and 1)" in output_text
  assert "a finished run takes" in output_text and "the other 2 will take about" in output_text
  totals = [line.split()[1:4] for line in output_text.splitlines() if line.startswith("synthetic ")]
  assert totals == [["stl", "1", "1"], ["snn", "1", "0"], ["hps_top2", "1", "0"]]
  assert "3 runs," in output_text and "1 are finished" in output_text
  assert "is not looked at here, because that takes reading them" in output_text


def test_dry_run_lists_identity_hash_and_cost_and_trains_nothing(tmp_path, capsys):
  assert _run(*_SMALL, "--dry_run", f"--output_dir={tmp_path / 'out'}") == 0
  output = capsys.readouterr().out
  assert "synthetic/stl/smoke/seed0" in output and "training GMACs" in output and "1 runs" in output
  assert "Predictions take" in output and "--nopredictions" in output
  assert "Checkpoints take about" in output and "the runs will take about" in output
  assert "expect the truth within a factor of one and a half" in output
  assert not (tmp_path / "out").exists()


def test_deterministic_runs_with_two_threads_are_the_same(tmp_path):
  suite = small_suite.write(tmp_path, learners=("lasem_hps",), epochs=2, groups=("texture",))
  for name in ("first", "second"):
    small_suite.complete(suite, tmp_path / name, "--jobs=1", "--threads=2", "--deterministic")
  (first,), (second,) = (small_suite.records(tmp_path / name) for name in ("first", "second"))
  assert first["result"] == second["result"] and first["result"]["status"] == "completed"
  # Accuracies of a few images hide last bits, losses do not.
  assert _losses(tmp_path / "first") == _losses(tmp_path / "second")
  assert [(record["provenance"]["threads"], record["provenance"]["deterministic"])
          for record in (first, second)] == [(2, True)] * 2


@pytest.mark.parametrize("arguments, message", [
    (["--gin_fil=x"], "Unknown command line flag 'gin_fil'"),
    (["stray"], "unexpected argument 'stray'"),
    (["--jobs=0"], "jobs"),
    (["--jobs=two"], "jobs"),
    (["--gin_param=suite.learners = ('lasem',)"], "learners/lasem.gin"),
    (["--gin_param=suite.learners = ('../stl',)"], "'../stl' is no name"),
    (["--gin_param=suite.baseline = 'stll'"], "No learner 'stll'"),
    (["--gin_param=EPOCHS_PER_TASK = 1e999"], "not finite"),
    (["--checkpoint_seconds=inf"], "--checkpoint_seconds=inf must be"),
    (["--checkpoint_seconds=nan"], "--checkpoint_seconds=nan must be"),
    (["--gin_file=loop.gin"], "No gin file 'loop.gin'"),
    (["--gin_param=EPOCH_PER_TASK = 3"], "Did you mean EPOCHS_PER_TASK"),
    (["--gin_param=experiment.task_order = (0, 8)"], "names task 8"),
    (["--gin_param=experiment.task_order = 'thrice'"], "thrice"),
    (["--gin_param=experiment.batch_size = 100000"], "batch_size"),
    (["--gin_param=experiment.protocol = 'original'"], "protocol"),
    (["--gin_param=ConvNetSpec.image_shape = (8, 8, 3)"], "images of stream synthetic"),
    (["--gin_param=suite.learners = ('hps_top2',)", "--gin_param=Static.configuration = 'top9'"], "top9"),
])
def test_bad_input_ends_with_status_2_and_one_line(arguments, message, tmp_path, capsys):
  assert _run(*_SMALL, *arguments, f"--output_dir={tmp_path / 'out'}") == 2
  error = [line for line in capsys.readouterr().err.splitlines() if line.startswith("Error: ")]
  assert len(error) == 1 and message in error[0] and "In call to configurable" not in error[0]
  assert not (tmp_path / "out").exists()


def test_missing_data_end_with_status_2_and_one_line(tmp_path, capsys):
  with pytest.raises(SystemExit) as stop:
    run.main(["benchmark.run", "--gin_file=gin/papers/cifar100_hps_top2.gin", f"--data_dir={tmp_path}"])
  assert stop.value.code == 2
  (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("Error: ")]
  assert "name the data folder with --data_dir" in line and "In call to configurable" not in line


@pytest.mark.parametrize("arguments", [
    ["--gin_fil=x"], ["--shard=3/2"], ["--checkpoint_seconds=inf"], ["--gin_file=smok.gin"],
    ["--gin_param=suite.learners = ('lasem',)"], ["--gin_param=EPOCH_PER_TASK = 3"], ["--gin_param=Statc.x = 3"],
    ["--gin_param=Expectation.prior = 3"], ["--gin_param=experiment.batch_size = 'ten'"]])
def test_a_mistake_is_refused_before_tensorflow_is_imported(arguments, tmp_path):
  program = ("import sys; sys.modules['tensorflow'] = sys.modules['keras'] = None; from benchmark import run; "
             "sys.exit(run.main(sys.argv))")
  finished = subprocess.run(
      [sys.executable, "-c", program, "--gin_file=gin/suites/smoke.gin", *arguments, f"--output_dir={tmp_path}"],
      capture_output=True, text=True, check=False)
  assert finished.returncode == 2 and finished.stderr.startswith("Error: ") and finished.stderr.count("\n") == 1


def test_the_dry_run_says_what_composed_names_stand_for(tmp_path, capsys, monkeypatch):
  monkeypatch.setattr(cost_measurement, "measure", lambda: cost_model.CostModel(1.0, 1e-3, 30.0))
  learners = ("hps_010", "tf_top1", "darts_dfcnn", "lasem_hps_2021")
  assert _run(f"--gin_param=suite.learners = {learners}", "--dry_run", f"--output_dir={tmp_path / 'out'}") == 0
  output = capsys.readouterr().out
  assert all(f"synthetic/{learner}/smoke/seed1" in output and f"\n{learner} = learners/knowledge/" in output
             for learner in learners)


def test_missing_data_are_named_before_anything_is_trained(tmp_path, capsys):
  status = _run(f"--data_dir={tmp_path}", f"--output_dir={tmp_path / 'out'}", suite="cifar100_smoke")
  assert status == 2
  assert str(tmp_path) in capsys.readouterr().err
  assert not (tmp_path / "out").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder_is_refused(tmp_path, capsys):
  tmp_path.chmod(0o500)
  assert _run(*_SMALL, f"--output_dir={tmp_path / 'out'}") == 2
  assert "cannot be written" in capsys.readouterr().err


@pytest.mark.parametrize("flag, message", [
    ("--grow=nowhere", "--grow=nowhere: nowhere/synthetic/stl/smoke/seed0: no such folder; name the folder of a run"),
    ("--output_dir=file", "--output_dir=file cannot be written, because "),
    ("--output_dir=file/in/it", "/file is no folder: name another"),
    ("--output_dir=link", "/link is no folder: name another")])
def test_a_dry_run_refuses_folders_that_could_not_be_used(flag, message, tmp_path, capsys, monkeypatch):
  monkeypatch.chdir(tmp_path)
  (tmp_path / "file").write_text("")
  (tmp_path / "link").symlink_to("gone")
  assert _run(*_SMALL, "--dry_run", flag) == 2
  output = capsys.readouterr()
  assert message in output.err and output.err.count("Error: ") == 1 and not output.out


def test_a_file_in_the_place_of_the_output_folder_is_refused(tmp_path, capsys):
  (tmp_path / "out").write_text("")
  assert _run(*_SMALL, f"--output_dir={tmp_path / 'out'}") == 2
  assert "cannot be written" in capsys.readouterr().err
