"""Exhaustive search: the first task without one, then every candidate of the second task, and the winner."""

import numpy as np
import tensorflow as tf

from lasem_tf import types
from lasem_tf.learners import base
from lasem_tf.selection.configuration import TransferConfiguration
from tests.golden_support import comparison, driver, manifest

SPLITS = {"train": "train", "validation": "valid", "test": "test"}


def check(fixture: manifest.Fixture) -> comparison.Comparison:
  """Trains all tasks of the fixture; batches come in the order of the data, as recorded."""
  run = _Run(fixture)
  for task_id in range(len(fixture.manifest["network"]["classes"])):
    run.visit(task_id)
  recorded = {name for name in fixture.arrays if not name.startswith("data/")}
  run.result.same_names("arrays compared", run.result.used & recorded, recorded)
  return run.result


class _Run:
  """A learner, and the histories of the candidate in training."""

  def __init__(self, fixture):
    self.fixture, self.result = fixture, comparison.Comparison()
    self.built = manifest.build(fixture)
    self.learner = self.built.learner
    self.num_epochs, self.batch_size = fixture.manifest["epochs_per_task"], fixture.manifest["batch"]
    self.base_rate = fixture.manifest["optimizer"]["base_lr"]
    self.histories: list[dict[str, np.ndarray]] = []

  def data(self, task_id: int, split: str):
    """Images and labels of a split."""
    arrays, short = self.fixture.arrays, SPLITS[split]
    return (tf.constant(arrays[f"data/task{task_id}/{short}_x"]),
            tf.constant(arrays[f"data/task{task_id}/{short}_y"].astype(np.int32)))

  def visit(self, task_id: int) -> None:
    """One task."""
    num_classes = self.fixture.manifest["network"]["classes"][task_id]
    info = types.TaskInfo(task_id, num_classes, tuple(str(label) for label in range(num_classes)))
    self.learner.begin_visit(base.TaskData(info, self.data(task_id, "train"), self.data(task_id, "validation")),
                             task_id)
    stage = f"t{task_id}"
    searched = f"{stage}/config_flags" in self.fixture.arrays
    candidates = [f"{stage}/config{index}" for index in range(len(self.fixture.arrays[f"{stage}/config_flags"]))] \
        if searched else [stage]
    self.histories = []
    for index, candidate in enumerate(candidates):
      self._candidate(task_id, index, candidate)
    self.result.equal(f"{stage}: number of candidates", self.learner.next_phase(len(candidates)), None)
    if searched:
      self._scores(stage)
    summary = self.learner.end_visit()
    self._outcome(task_id, stage, summary, searched)

  def _candidate(self, task_id: int, index: int, prefix: str) -> None:
    """One phase: from the recorded initial weights, for all epochs."""
    phase = self.learner.next_phase(index)
    initial = self.fixture.under(f"{prefix}/init")
    rows = {split: [] for split in SPLITS}
    images, labels = self.data(task_id, "train")
    decay = self.fixture.manifest["optimizer"]["lr_decay"]
    for epoch in range(self.num_epochs):
      self.learner.begin_epoch(epoch)
      if epoch == 0:
        self._overwrite(task_id, prefix, initial)
        if task_id == 0:
          self._measure(rows)
      rate = tf.constant(self.base_rate / (1.0 + (task_id * self.num_epochs + epoch) * decay))
      for start in range(0, len(labels) - self.batch_size + 1, self.batch_size):
        chosen = slice(start, start + self.batch_size)
        phase.step(base.Batch(images[chosen], labels[chosen], tf.range(self.batch_size)),
                   base.StepContext(rate, tf.constant([1, start])))
      self._measure(rows)
      self.learner.end_epoch(epoch, float(rows["validation"][-1][task_id]))
    self._weights(f"{prefix}/final", self.fixture.under(f"{prefix}/final"))
    self.histories.append({split: np.array(values, np.float32) for split, values in rows.items()})
    if f"{prefix}/history_valid" in self.fixture.arrays and task_id:
      self.result.close(f"{prefix}/history_valid", self.histories[-1]["validation"],
                        self.fixture.arrays[f"{prefix}/history_valid"], comparison.VALUE)

  def _overwrite(self, task_id: int, prefix: str, initial: dict[str, np.ndarray]) -> None:
    """Compares what was there before the task with the recording, then takes over all recorded values."""
    variables = self.learner.variables()
    for name, value in initial.items():
      if task_id and not name.startswith(f"task{task_id}/"):
        self.result.close(f"{prefix}/init/{name}", variables[name], value, comparison.FIVE_UPDATES, self.base_rate)
      self.result.used.add(f"{prefix}/init/{name}")
      variables[name].assign(value)

  def _measure(self, rows: dict[str, list]) -> None:
    """Appends a row [accuracy of every task, their mean over the tasks known] for every split."""
    num_tasks = len(self.fixture.manifest["network"]["classes"])
    for split, values in rows.items():
      row = np.zeros(num_tasks + 1)
      for task_id in self.learner.learned_tasks:
        images, labels = self.data(task_id, split)
        row[task_id] = np.mean(np.argmax(self.learner.logits(images, task_id), axis=1) == labels)
      row[-1] = row[:-1].sum() / len(self.learner.learned_tasks)
      values.append(row)

  def _weights(self, prefix: str, recorded: dict[str, np.ndarray]) -> None:
    variables = self.learner.variables()
    for name, value in recorded.items():
      if name in variables:
        self.result.close(f"{prefix}/{name}", variables[name], value, comparison.FIVE_UPDATES, self.base_rate)
      else:
        self.result.failures.append(f"{prefix}/{name}: the learner has no such variable")

  def _scores(self, stage: str) -> None:
    flags = self.fixture.arrays[f"{stage}/config_flags"].astype(bool)
    self.result.equal(f"{stage}/config_flags", flags.tolist(), [
        list(TransferConfiguration.from_index(index, (1,) * flags.shape[1]).bits) for index in range(len(flags))])
    task_id = int(stage.removeprefix("t"))
    self.result.close(f"{stage}/best_valid_accuracy_per_config",
                      [history["validation"][:, task_id].max() for history in self.histories],
                      self.fixture.arrays[f"{stage}/best_valid_accuracy_per_config"], comparison.VALUE)

  def _outcome(self, task_id: int, stage: str, summary: base.TaskSummary, searched: bool) -> None:
    """The winner's configuration for all tasks that it decides, its histories and its last weights."""
    sharing = self.fixture.manifest[f"conv_sharing_after_task{task_id}"]
    configurations = self.learner.structure()["configurations"]
    self.result.equal(f"conv_sharing_after_task{task_id}", [configurations[str(task)] for task in range(len(sharing))],
                      ["".join("01"[bool(bit)] for bit in bits) for bits in sharing])
    winner = 0
    if searched:
      selected = self.fixture.manifest[f"selected_config_task{task_id}"]
      self.result.equal(f"selected_config_task{task_id}", summary.configuration,
                        "".join("01"[bool(bit)] for bit in selected))
      winner = TransferConfiguration(tuple(selected)).index
      self.result.equal(f"{stage}: phase of the peak", summary.peak_phase, f"candidate{winner}")
    history = self.histories[winner]
    for split, short in SPLITS.items():
      self.result.close(f"{stage}/history_{short}", history[split], self.fixture.arrays[f"{stage}/history_{short}"],
                        comparison.VALUE)
    validation, test = history["validation"][:, task_id], history["test"][:, task_id]
    best = [test[np.argmax(validation[:epoch + 1])] for epoch in range(len(validation))]
    self.result.close(f"{stage}/history_best_test", best, self.fixture.arrays[f"{stage}/history_best_test"],
                      comparison.VALUE)
    final = self.fixture.under(f"{stage}/final")
    names = set(self.learner.variables())
    self.result.same_names(f"{stage}: variables after the commit", names - driver.never_adopted(self.learner, names),
                           final)
    self._weights(f"{stage}/final", final)
