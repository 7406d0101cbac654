"""The certificate command, and the committed certificates: what they certify is what the streams are today."""

import json
import pathlib
import sys

import pytest

from benchmark import certificate
from benchmark.reporting import certification
from benchmark.results import certificates, records
from benchmark.suites import open_stream
from lasem_tf.data import stream
from tests.benchmark import synthetic_records
from tests.benchmark.reporting import test_certification

COMMITTED = sorted(certificates.FOLDER.glob("*.json"))


@pytest.fixture(name="runs", scope="module")
def fixture_runs(tmp_path_factory):
  folder = tmp_path_factory.mktemp("certificate_runs")
  for run in test_certification._suite():
    synthetic_records.write_run(run, folder)
  return folder


def test_the_command_writes_table_and_numbers(runs, tmp_path, capsys, monkeypatch):
  monkeypatch.setitem(sys.modules, "tensorflow", None)
  arguments = ["certificate", f"--results_dir={runs}", "--stream=planted_invented", f"--output_dir={tmp_path}"]
  assert certificate.main(arguments) == 0
  text = (tmp_path / "planted_invented_hps.md").read_text()
  assert "Verdict: **certified**" in text and text in capsys.readouterr().out
  content = json.loads((tmp_path / "planted_invented_hps.json").read_text())
  assert content["decided"] == ["000", "111", "110"] and content["problems"] == []
  monkeypatch.setattr(certificates, "FOLDER", tmp_path)
  assert certificates.decided("design0", "hps") == ("000", "111", "110")
  assert certificates.decided("design0", "tf") is None and certificates.decided("design1", "hps") is None


def test_a_stream_without_runs_is_refused_in_a_line(runs, tmp_path, capsys):
  with pytest.raises(SystemExit) as stopped:
    certificate.main(["certificate", f"--results_dir={runs}", "--stream=other", f"--output_dir={tmp_path}"])
  assert stopped.value.code == 2
  assert "no completed run of planted_hps on other" in capsys.readouterr().err


def test_without_flipped_bits_the_declared_configurations_are_compared_all_the_same(tmp_path, capsys):
  for run in test_certification._suite():
    if "_flip_" not in run.learner:
      synthetic_records.write_run(run, tmp_path)
  arguments = ["certificate", f"--results_dir={tmp_path}", "--stream=planted_invented", f"--output_dir={tmp_path}"]
  assert certificate.main(arguments) == 1
  text = capsys.readouterr().out
  assert "not certified: layer 1 has no decided bit" in text and "No bit was flipped." in text
  assert "| Planted HPS" in text


@pytest.mark.parametrize("path", COMMITTED, ids=lambda path: path.stem)
def test_a_committed_certificate_is_of_the_stream_as_it_is(path):
  content = json.loads(path.read_text())
  made = open_stream.load_stream(content["stream"], stream.StreamContext())
  assert made.design_fingerprint == content["design_fingerprint"]
  assert [task.best_configuration for task in made.tasks] == content["best"]


@pytest.mark.parametrize("path", COMMITTED, ids=lambda path: path.stem)
def test_a_committed_certificate_follows_from_its_records(path):
  content = json.loads(path.read_text())
  folder = pathlib.Path(path).parent / path.stem
  found = certification.certify(records.load_records([folder]), content["stream"], content["knowledge"])
  assert json.loads(certificate.to_json(found)) == content
