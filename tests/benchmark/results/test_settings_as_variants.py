"""Runs of one identity, or of one method, with different settings become variants where that is asked for."""

import pytest

from benchmark import report
from benchmark.results import comparison, records, run_details, settings_as_variants
from benchmark.results.record_schema import ContradictoryRecordsError
from tests.benchmark import synthetic_records


def write(folder, strength, seed=0, learner="ewc", configuration_hash=None):
  run = synthetic_records.constant(learner, seed, strength / 1000)
  run.result["configuration_hash"] = configuration_hash or f"hash{strength}"
  path = synthetic_records.write_run(run, folder)
  (path.parent / "operative.gin").write_text(
      f"STRENGTH = {strength}\nexperiment.batch_size = 10\nElasticWeightConsolidation.strength = %STRENGTH\n")


def test_runs_of_one_identity(tmp_path):
  for strength in (10.0, 100.0):
    write(tmp_path / str(strength), strength)
  write(tmp_path / "10.0", 5.0, learner="stl")
  folders = [tmp_path / "10.0", tmp_path / "100.0"]
  with pytest.raises(ContradictoryRecordsError,
                     match=r"ElasticWeightConsolidation.strength: 10.0 and 100.0\).* benchmark.report --variants"):
    records.load_records(folders)
  found = settings_as_variants.load(folders)
  assert [record.identity for record in found] == [
      "cifar100/ewc[strength=100]/smoke/seed0", "cifar100/ewc[strength=10]/smoke/seed0", "cifar100/stl/smoke/seed0"]
  assert found[0].result["variant"] == {"ElasticWeightConsolidation.strength": "100.0"}
  assert found[0].recorded_as == "cifar100/ewc/smoke/seed0" and found[2].recorded_as == found[2].identity
  assert set(run_details.load_details(found)) == {record.identity for record in found}
  labels = [row.label for row in comparison.panels(found)[0].rows]
  assert labels == ["STL", "EWC (own last layer; strength=10)", "EWC (own last layer; strength=100)"]


def test_runs_of_one_method_with_other_seeds(tmp_path):
  write(tmp_path, 10.0, seed=0)
  write(tmp_path, 100.0, seed=1)
  with pytest.raises(comparison.MixedDataError,
                     match=r"of one method \(ewc: ElasticWeightConsolidation.strength: 10.0 and 100.0\).*--variants"):
    comparison.panels(records.load_records([tmp_path]))
  assert [(record.learner, record.seed) for record in settings_as_variants.load([tmp_path])] == [
      ("ewc[strength=100]", 1), ("ewc[strength=10]", 0)]


def test_what_configurations_do_not_tell_apart_is_named_by_its_hash(tmp_path):
  write(tmp_path, 10.0, seed=0, configuration_hash="aaa")
  write(tmp_path, 10.0, seed=1, configuration_hash="bbb")
  assert [record.learner for record in settings_as_variants.load([tmp_path])] == [
      "ewc[configuration=aaa]", "ewc[configuration=bbb]"]


def test_the_report_keeps_the_flag_for_its_check(tmp_path, capsys):
  write(tmp_path / "a", 10.0, seed=0)
  write(tmp_path / "a", 100.0, seed=1)
  folders = [f"--results_dir={tmp_path / 'a'}", f"--output_dir={tmp_path / 'report'}"]
  assert report.main(["report", *folders, "--variants"]) == 0
  assert "EWC (own last layer; strength=100)" in capsys.readouterr().out
  assert report.main(["report", *folders, "--check"]) == 0
