"""`benchmark.replay`: equal results, edited files, what differs."""

import json

import pytest

from benchmark import replay
from benchmark.execution import attempt
from benchmark.execution.settings import Settings
from benchmark.results import record_schema, records
from benchmark.suites import suite
from tests.benchmark import small_suite

pytestmark = pytest.mark.usefixtures("unpinned")


def _replay(*arguments) -> int:
  try:
    return replay.main(["benchmark.replay", *map(str, arguments)])
  except SystemExit as error:
    return error.code


@pytest.fixture(name="run_dir", scope="module")
def _run_dir(tmp_path_factory):
  """A finished run."""
  folder = tmp_path_factory.mktemp("finished")
  path = small_suite.write(folder, learners=("lasem_hps",), epochs=2)
  path.write_text(path.read_text() + "experiment.reference = {'drop_evaluation_remainder': True}\n")
  _, (run,) = suite.load([str(path)])
  settings = Settings(output_dir=str(folder / "out"), tensorboard=False, command="test")
  assert attempt.attempt(run, settings, lambda event: None, lambda: False) == ("completed", None)
  return settings.run_dir(run)


def test_a_record_names_the_switches_that_were_on(run_dir):
  assert records.read_record(run_dir).provenance["reference_switches"] == ["drop_evaluation_remainder"]


@pytest.mark.parametrize("configuration", ["operative", "requested"])
def test_a_run_replays_to_equal_results(run_dir, configuration, capsys):
  assert _replay(run_dir, f"--configuration={configuration}") == 0
  assert "synthetic/lasem_hps/smoke/seed0: equal, bit for bit." in capsys.readouterr().out


def test_another_result_is_noticed(run_dir, tmp_path, capsys):
  """A record that is sound in itself, with a number that no training gives."""
  copy = tmp_path / "seed0"
  copy.mkdir()
  for name in ("requested.gin", "operative.gin", "events.jsonl"):
    (copy / name).write_bytes((run_dir / name).read_bytes())
  content = json.loads((run_dir / "record.json").read_text())
  content["result"]["accuracy"]["at_best_validation"][1] = 0.125
  content["result_digest"] = record_schema.digest(content["identity"], content["result"])
  content["provenance"]["device"] = "an abacus"
  (copy / "record.json").write_text(json.dumps(content))
  assert _replay(f"--run_dir={copy}") == 1
  output = capsys.readouterr().out
  assert "result.accuracy.at_best_validation[1]: 0.125 in the record" in output and "an abacus then" in output


def test_an_edited_configuration_is_refused(run_dir, capsys):
  file = run_dir / "operative.gin"
  text = file.read_text()
  try:
    file.write_text(text + "\n")
    assert _replay(run_dir) == 2
    assert "operative.gin is not what the run wrote" in capsys.readouterr().err
  finally:
    file.write_text(text)


def test_bad_input(run_dir, tmp_path, capsys):
  for arguments, message in (((), "name the run's folder"), ((tmp_path,), "no such record"),
                             ((run_dir, f"--output_dir={run_dir.parents[3]}"), "holds the run that is to be repeated")):
    assert _replay(*arguments) == 2
    assert message in capsys.readouterr().err


def test_a_run_that_names_another_place_is_refused_before_anything_is_written(run_dir, tmp_path, capsys):
  copy = tmp_path / "foreign"
  copy.mkdir()
  for name in ("requested.gin", "operative.gin"):
    (copy / name).write_bytes((run_dir / name).read_bytes())
  content = json.loads((run_dir / "record.json").read_text())
  content["identity"] = "../../victim/seed0"
  content["result"].update(learner="..", scale="victim")
  content["result_digest"] = record_schema.digest(content["identity"], content["result"])
  (copy / "record.json").write_text(json.dumps(content))
  assert _replay(copy, f"--output_dir={tmp_path / 'a' / 'b'}") == 2
  assert "cannot name a stream" in capsys.readouterr().err
  assert sorted(path.name for path in tmp_path.iterdir()) == ["foreign"]


def test_nothing_is_written_to_a_folder_that_only_the_record_names(run_dir, tmp_path, monkeypatch):
  seen = []
  monkeypatch.setattr(replay, "_train", lambda run, settings: seen.append((run, settings)))
  record = records.read_record(run_dir)
  values = replay.define_flags()
  for name, expected in (("gone", None), ("there", str(tmp_path / "there"))):
    (tmp_path / "there").mkdir(exist_ok=True)
    record.provenance["flags"]["cache_dir"] = str(tmp_path / name)
    values(["replay", f"--run_dir={run_dir}", f"--output_dir={tmp_path / 'out'}"])
    replay._repeat(record, values)
    assert seen[-1][1].cache_dir == expected
    assert str(seen[-1][1].run_dir(seen[-1][0])).startswith(str(tmp_path / "out"))


def test_an_interrupt_and_errors_of_the_system_are_one_line(run_dir, monkeypatch, capsys):
  for error, status, line in ((KeyboardInterrupt(), 130, "Stopped."), (PermissionError(13, "Permission denied", "x"), 2,
                                                                       "x: Permission denied; get permission")):
    def fail(*_, error=error):
      raise error
    monkeypatch.setattr(replay, "_read", fail)
    assert _replay(run_dir) == status
    message = capsys.readouterr().err
    assert line in message and message.count("\n") == 1
