"""Drives a learner through the recorded stages and compares all that was recorded.

Every stage begins with the recorded weights, so that deviations do not add up over stages; what the learner itself
carried into the stage is compared before it is overwritten.
"""

import numpy as np
import tensorflow as tf

from lasem_tf import types
from lasem_tf.learners import base
from tests.golden_support import comparison, counts, manifest, recording, views


def drive(fixture: manifest.Fixture) -> comparison.Comparison:
  """Runs all stages of a fixture.

  Raises:
    manifest.MissingMethod: if the method is not built yet.
  """
  built = manifest.build(fixture)
  check = comparison.Comparison()
  state: dict[str, np.ndarray] = {}
  for visit, stage in enumerate(fixture.manifest["stages"]):
    state = _Stage(fixture, built, stage, visit, check).run(state)
  recorded = {name for name in fixture.arrays if not name.startswith("data/")}
  check.same_names("arrays compared", check.used & recorded, recorded)
  return check


class _Stage:
  """One visit of one task."""

  def __init__(self, fixture, built, stage, visit, check):
    self.fixture, self.built, self.stage, self.visit, self.check = fixture, built, stage, visit, check
    self.learner, self.name, self.task_id = built.learner, stage["stage"], stage["task"]
    data = fixture.under(f"data/task{self.task_id}")
    self.images, self.labels = tf.constant(data["x"]), tf.constant(data["y"].astype(np.int32))
    searching = stage["new_task"] and built.selection is not None and built.selection.searches
    make_view = views.make if searching else views.Plain
    self.view = make_view(fixture, built, self.name, check)

  def run(self, state: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Takes and returns the weights that the release carries from stage to stage, by name."""
    self.learner.begin_visit(self._task_data(), self.visit)
    state = {**state, **self._recorded("init")}
    self._overwrite(state)
    self.view.begin(self.task_id)
    phase = self.learner.next_phase(0)
    self._logits("before", num_updates=0)
    state |= self._train(phase)
    self.check.equal(f"{self.name}: further phases", self.learner.next_phase(1), None)
    self.view.finish()
    counts.check(self.built, self.fixture.manifest["method"], self.stage, self.check)
    summary = self.learner.end_visit()
    return self._commit(summary, state) if "carried_over_variables" in self.stage else state

  def _recorded(self, group: str) -> dict[str, np.ndarray]:
    values = self.fixture.under(f"{self.name}/{group}")
    self.check.used |= {f"{self.name}/{group}/{name}" for name in values}
    return values

  def _task_data(self) -> base.TaskData:
    network = self.fixture.manifest["network"]
    num_classes = network["classes"][self.task_id]
    info = types.TaskInfo(self.task_id, num_classes, tuple(str(label) for label in range(num_classes)))
    train = tf.reshape(self.images, [-1, *network["input"]]), tf.reshape(self.labels, [-1])
    return base.TaskData(info, train, train)

  def _overwrite(self, state: dict[str, np.ndarray]) -> None:
    """Gives every variable, and every snapshot of one, its recorded value."""
    variables = {name: variable for name, variable in self.learner.variables().items() if "/selection/" not in name}
    snapshots = {name: variables.pop(name) for name in list(variables) if name.startswith("snapshot/")}
    # A shared layer that no task adopted is carried by this learner (with values that mean nothing) and not by the
    # release.
    redundant = never_adopted(self.learner, variables) - set(state)
    self.check.same_names(f"{self.name}: variables", set(variables) - redundant, state)
    for name, variable in variables.items():
      if name in state:
        variable.assign(state[name])
    for name, variable in snapshots.items():
      variable.assign(state[name.removeprefix("snapshot/")])

  def _logits(self, moment: str, num_updates: int) -> None:
    """Logits of every known task on its evaluation batch."""
    tolerance = comparison.VALUE if num_updates <= 1 else comparison.LATER_VALUE
    for name, expected in self.fixture.under(f"{self.name}/{moment}").items():
      full_name = f"{self.name}/{moment}/{name}"
      if name == "logits_per_config_eval":
        task_id, computed = self.task_id, self.view.all_logits
      else:
        task_id = int(name.removeprefix("logits_task").removesuffix("_eval"))
        computed = self.view.current_logits if task_id == self.task_id else self.learner.logits
      images = tf.constant(self.fixture.arrays[f"data/task{task_id}/eval_x"])
      self.check.close(full_name, computed(images, task_id), expected, tolerance)

  def _train(self, phase: base.Phase) -> dict[str, np.ndarray]:
    """Takes the recorded number of steps; returns the weights after the last."""
    settings = self.fixture.manifest["optimizer"]
    losses_name = f"{self.name}/losses_before_each_update"
    expected_losses = self.fixture.arrays[losses_name]
    epochs = settings["epoch_fed_at_each_step"][:len(expected_losses)]
    losses = []
    with recording.recorded_updates() as updates:
      for step, epoch in enumerate(epochs):
        if step == 0 or epoch != epochs[step - 1]:
          self.learner.begin_epoch(epoch)
        images, labels = self.images[step], self.labels[step]
        self.view.before_step(step, images, labels)
        del updates[:]
        result = phase.step(
            base.Batch(images, labels, tf.range(len(labels))),
            base.StepContext(tf.constant(settings["base_lr"] / (1.0 + epoch * settings["lr_decay"])),
                             tf.constant([1, step])))
        losses.append(self.view.loss_of(result))
        if step == 0:
          self.view.first_update(updates)
        self._weights(phase, step + 1)
        if step + 1 == len(epochs) or epochs[step + 1] != epoch:
          self.learner.end_epoch(epoch, 0.0)
    for step, (loss, expected) in enumerate(zip(losses, expected_losses)):
      self.check.close(losses_name, loss, expected, comparison.VALUE if step <= 1 else comparison.LATER_VALUE)
    self._logits("after", len(epochs))
    return self.fixture.under(f"{self.name}/after{len(epochs)}")

  def _weights(self, phase: base.Phase, num_updates: int) -> None:
    """Weights and slots after so many updates, where they were recorded."""
    tolerance = comparison.ONE_UPDATE if num_updates == 1 else comparison.FIVE_UPDATES
    floor = self.fixture.manifest["optimizer"]["base_lr"]
    variables = self.learner.variables()
    for group, values, prefix in ((f"after{num_updates}", variables, ""), (f"rms{num_updates}", phase.state, "rms/"),
                                  (f"after_alpha{num_updates}", variables, "")):
      for name, expected in self.fixture.under(f"{self.name}/{group}").items():
        full_name = f"{self.name}/{group}/{name}"
        if f"{prefix}{name}" not in values:
          self.check.failures.append(f"{full_name}: the learner has no {prefix}{name}")
          continue
        self.check.close(full_name, values[f"{prefix}{name}"], expected, tolerance, floor)

  def _commit(self, summary: base.TaskSummary, state: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The chosen configuration, the weights that are kept and those that are rolled back."""
    selected = self.stage.get("selected_config")
    if selected is not None:
      self.check.equal(f"{self.name}: selected configuration", summary.configuration,
                       "".join("01"[bool(b)] for b in selected))
    carried = self.stage["carried_over_variables"]
    rolled_back = self._recorded("carried")
    variables = self.learner.variables()
    self.check.same_names(f"{self.name}: variables after the commit",
                          set(variables) - (never_adopted(self.learner, variables) - set(carried)), carried)
    floor = self.fixture.manifest["optimizer"]["base_lr"]
    for name in carried:
      if name in variables:
        exact = name in rolled_back or name not in self.stage["trained_variables"]
        self.check.close(f"{self.name}/carried/{name}", variables[name], rolled_back.get(name, state[name]),
                         comparison.EXACT if exact else comparison.FIVE_UPDATES, floor)
    return {name: rolled_back.get(name, state[name]) for name in carried}


def never_adopted(learner: base.Learner, names) -> set[str]:
  """Names of shared weights that no task's configuration uses."""
  configurations = learner.structure().get("configurations")
  if configurations is None:
    return set()
  adopted = {layer for bits in configurations.values() for layer, bit in enumerate(bits) if bit == "1"}
  return {name for name in names if name.startswith(("shared/conv", "kb/conv"))
          and int(name.split("/")[1].removeprefix("conv")) not in adopted}
