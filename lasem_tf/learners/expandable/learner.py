"""The steps of dynamically expandable networks, in order, behind the learner contract."""

import copy
import functools

import gin
import numpy as np
import tensorflow as tf
from absl import logging

from lasem_tf.learners import base, checks
from lasem_tf.learners.expandable import phases, state, structure, units
from lasem_tf.nn import weights, workload

VISIBILITIES = ("replace", "stamp")
SCOPES = ("all", "new")


@gin.register
class ExpandableNetwork(base.Learner):
  """DEN: a shared network that retrains, grows and duplicates only the units that a new task needs.

  The first task trains everything under an L1 norm. A further task has the phases 'head' (the new output layer alone),
  'selective' (the units that this layer reaches), 'expansion' (new units, where the loss is still too high; empty ones
  are pruned afterwards) and 'split_retrain' (units that drifted too far go back to what they were, the task gets copies
  and trains on). A task sees the units that existed when it was learned, and never a later one.

  The phases share a visit's epochs (see `phases.divide_epochs`); a skipped expansion leaves its own to the last one.

  A task that is visited again has one phase, 'revisit': the units it sees are trained as in 'split_retrain', nothing
  grows and nothing splits. Networks with skip connections are refused: pruning would leave their ends with unequal
  widths.

  Where the paper's text and the released code leave a choice: the loss that decides on expansion is the mean over the
  task's training set (the release takes its last mini-batch); the search looks at all classes (the release at the
  first); biases are never under the L1 norm, and a new unit's bias belongs to its group.

  Variables are named 'shared/conv{l}/...', 'shared/dense{i}/...', 'task{t}/head/dense{i}/...' and, during a visit,
  'snapshot/shared/...': the shared layers as the visit found them, at the widths that they had.
  """

  def __init__(self, context: base.LearnerContext, num_new_units: int | None = None, l2: float = 1e-4,
               retention: float = 0.5, loss_threshold: float = 0.01, connection_threshold: float = 1e-3,
               shrink: phases.Shrinkage = phases.Shrinkage(), splitting: structure.Splitting = structure.Splitting(),
               visibility: str = "replace", retrain_scope: str = "all",
               phase_shares: tuple[float, ...] = (0.1, 0.3, 0.3, 0.3), relative_connections: bool = False,
               slots_per_visit: bool = False):
    """Creates the shared layers.

    Args:
      context: of the run.
      num_new_units: k, added to every layer by an expansion; None: half the width of the first convolution (16 on
        CIFAR-100 and STL-10, 32 on Office-Home).
      l2: factor of half the squared norm of what a phase trains.
      retention: lambda, factor of half the squared distance to the weights before the task.
      loss_threshold: tau; a task expands if its mean training loss is above. 0: always, inf: never.
      connection_threshold: see `structure.select`.
      shrink: strength of the L1 norm and the group lasso.
      splitting: which units split.
      visibility: 'replace': a task sees copies instead of their originals, and starts from what the task before saw;
        'stamp', as published: it sees all units that exist.
      retrain_scope: 'all', as published: the last phase trains all units that the task sees; 'new': those that no other
        task sees, so that it cannot change what others compute.
      phase_shares: of the four phases in a visit's epochs.
      relative_connections: see `structure.select`; a head starts at zero then, so that its weights tell units of use.
      slots_per_visit: the optimiser's mean squares go on from phase to phase; otherwise every phase begins with ones.

    Raises:
      ValueError: if an option is unknown or the backbone has skip connections.
    """
    super().__init__(context)
    for name, value, choices in (("visibility", visibility, VISIBILITIES), ("retrain_scope", retrain_scope, SCOPES)):
      if value not in choices:
        raise ValueError(f"ExpandableNetwork.{name} must be one of {choices}, not {value!r}.")
    if len(phase_shares) != 4 or min(phase_shares) < 0 or sum(phase_shares) > 1 + 1e-9:
      raise ValueError(f"ExpandableNetwork.phase_shares must be four shares of one whole, not {phase_shares}.")
    if context.spec.skips:
      raise ValueError("ExpandableNetwork cannot grow a network with skip connections; bind ConvNetSpec.skips = ().")
    if num_new_units is not None and num_new_units < 1:
      raise ValueError(f"ExpandableNetwork.num_new_units must be at least 1, or None, not {num_new_units}.")
    checks.refuse_negative("ExpandableNetwork", l2=l2, retention=retention, loss_threshold=loss_threshold,
                           connection_threshold=connection_threshold)
    self._num_new = context.spec.channels[0] // 2 if num_new_units is None else num_new_units
    self._l2, self._retention, self._loss_threshold = l2, retention, loss_threshold
    self._connection_threshold, self._shrink, self._splitting = connection_threshold, shrink, splitting
    self._replace, self._scope, self._shares = visibility == "replace", retrain_scope, tuple(phase_shares)
    self._relative, self._slots_per_visit = relative_connections, slots_per_visit
    self._layout = units.UnitLayout(context.spec)
    self._state = state.ExpandableState(self._layout, context.num_classes, self.initializer)
    # Decisions of the visit in progress: how many phases are prepared, what was selected, whether it expands.
    self._progress: dict = {}

  # --- visits ---------------------------------------------------------------------------------------------------------

  @property
  def _task_id(self) -> int:
    return self.task.info.task_id

  def _begin_visit(self, is_new):
    first = is_new and len(self._learned) == 1
    if is_new:
      self._state.add_task(self._task_id, like=self._learned[-2] if self._replace and not first else None)
    self._progress = {"kind": "first" if first else "grow" if is_new else "revisit", "prepared": 0, "selected": None,
                      "expands": False, "report": {}}
    if not first:
      self._state.take_snapshot()
    if is_new and not first and self._relative:
      kernel = self._state.heads[self._task_id]["kernel"]
      kernel.assign(tf.zeros_like(kernel))
    if self._slots_per_visit:
      self._state.start_slots(self._task_id)

  def _end_visit(self):
    report = {"widths": self._state.trunk.widths, "visible_units": units.num_units(self._visible),
              "stored_parameters": self._state.stored_parameters(), **self._progress["report"]}
    if self._state.snapshot:
      report["mean_drift"] = self._state.mean_drift()
    report["mechanism_acted"] = structure.changed(report)
    self._state.end_visit()
    self._progress = {}
    return base.TaskSummary(details=report)

  @property
  def _visible(self) -> units.Mask:
    """What the current task sees."""
    return self._state.visible[self._task_id]

  @property
  def _classes(self) -> int:
    return self.context.num_classes[self._task_id]

  # --- phases ---------------------------------------------------------------------------------------------------------

  def next_phase(self, num_completed):
    kind, num_epochs = self._progress["kind"], self.context.epochs_per_task
    if kind != "grow":
      if num_completed:
        return None
      return self._make_phase("train", num_epochs, None) if kind == "first" else (
          self._make_phase("revisit", num_epochs, self._retrained()))
    head, selective, expansion, retrain = phases.divide_epochs(num_epochs, self._shares)
    if num_completed == 0:
      return self._make_phase("head", head, units.head_only(self._layout, self._visible, self._classes))
    if num_completed == 1:
      self._prepare(1, self._search)
      selected = units.from_text(self._progress["selected"])
      return self._make_phase("selective", selective, units.between(self._layout, selected, self._classes))
    if num_completed == 2:
      self._prepare(2, self._decide)
      if self._progress["expands"]:
        added = units.touching(self._layout, self._visible, self._state.new_units(), self._classes)
        return self._make_phase("expansion", expansion, added, groups=True)
      return self._make_phase("split_retrain", expansion + retrain, self._retrained())
    if num_completed == 3 and self._progress["expands"]:
      self._prepare(3, self._finish_expansion)
      return self._make_phase("split_retrain", retrain, self._retrained())
    return None

  def _prepare(self, number: int, decide) -> None:
    """Changes the structure before a phase, once: a phase that is asked for again after a resume finds it done."""
    if self._progress["prepared"] < number:
      decide()
      self._progress["prepared"] = number

  def _num_steps(self, num_epochs: int) -> int:
    return num_epochs * max(1, len(self.task.train[1]) // self.context.batch_size)

  def _retrained(self) -> units.Entries:
    """What the last phase trains."""
    if self._scope == "all":
      return units.between(self._layout, self._visible, self._classes)
    return units.touching(self._layout, self._visible, self._state.exclusive_units(self._task_id), self._classes)

  def _make_phase(self, name: str, num_epochs: int, trained: units.Entries | None,
                  groups: bool = False) -> base.Phase:
    """A phase that trains some entries (None: all) of the shared layers and the current head."""
    num_steps, parts = self._num_steps(num_epochs), {}
    for layer, group in enumerate([*self._state.trunk.groups, self._state.heads[self._task_id]]):
      masks = (None, None) if trained is None else (trained.kernel_mask(self._layout, layer), trained.biases[layer])
      for kind, mask in zip(("kernel", "bias"), masks):
        if mask is None or mask.any():
          everywhere = mask is None or mask.all()
          parts[f"{group.prefix}/{kind}"] = phases.TrainedPart(
              group[kind], None if everywhere else tf.constant(mask, group[kind].dtype), kind == "kernel",
              *self._state.anchor(layer, kind))
    penalties = phases.Penalties(
        self._l2, self._retention, functools.partial(self._shrink.l1_threshold, num_steps) if self._shrink.l1 else None,
        self._group_lasso(num_steps) if groups else ())
    logits = functools.partial(self._state.logits, task_id=self._task_id)
    slots = weights.merge_variables(self._state.slots) if self._slots_per_visit else None
    return phases.make_phase(name, num_epochs, logits, parts, penalties, slots)

  def _group_lasso(self, num_steps: int) -> list[phases.NewGroups]:
    groups = []
    for layer, (group, old_width) in enumerate(zip(self._state.trunk.groups, self._state.old_widths)):
      fan_in = int(np.prod(self._layout.leading(layer))) * int(self._layout.below(self._visible, layer).sum())
      groups.append(phases.NewGroups(
          group["kernel"], group["bias"], old_width,
          functools.partial(self._shrink.group_threshold, fan_in, num_steps)))
    return groups

  # --- decisions ------------------------------------------------------------------------------------------------------

  def _rebuild(self, values: units.UnitWeights, visible: units.Mask, sources: list[np.ndarray]) -> None:
    self._state.rebuild(self._task_id, values, visible, sources)
    self.structure_changed()

  def _search(self) -> None:
    """Breadth-first search from the new head."""
    selected = structure.select(self._layout, self._state.read(self._task_id), self._visible,
                                self._connection_threshold, self._relative)
    if not selected[-1].any():
      logging.warning("DEN, task %d: no connection of the new head is left, so all units are retrained. A smaller "
                      "Shrinkage.l1 would keep some.", self._task_id)
      selected = self._visible
    self._progress["selected"] = units.to_text(selected)
    self._progress["report"]["selected_fraction"] = [
        count / total for count, total in zip(units.num_units(selected), units.num_units(self._visible))]

  def _decide(self) -> None:
    """Expands where the loss of the whole training set is too high."""
    loss = self.training_loss()
    expands = loss > self._loss_threshold and self.context.epochs_per_task > 1  # In a single epoch none would train.
    self._progress["expands"] = expands
    self._progress["report"].update(loss_before_expansion=loss, expanded=expands)
    if expands:
      num_steps = self._num_steps(phases.divide_epochs(self.context.epochs_per_task, self._shares)[2])

      def draw(layer, kind, shape, prefix=f"task{self._task_id}/expansion/layer"):
        scale = self._shrink.new_unit_scale(num_steps, self.context.learning_rate) if kind == "incoming" else 1.0
        return scale * self.initializer.truncated_normal(f"{prefix}{layer}/{kind}", shape).numpy()

      values = self._state.read(self._task_id)
      sources = [np.append(np.arange(width), np.full(self._num_new, -1)) for width in values.widths()]
      self._rebuild(*structure.expand(self._layout, values, self._visible, self._num_new, draw), sources)
    elif not self._splitting.only_after_expansion:
      self._split()

  def training_loss(self) -> float:
    """Mean cross-entropy of the current task over its whole training split, dropout off."""
    return self._state.loss(*self.task.train, self._task_id)

  def _finish_expansion(self) -> None:
    """Removes new units that came to nothing, then splits."""
    before, old_widths = self._state.trunk.widths, self._state.old_widths
    values, visible, kept = structure.prune(self._state.read(self._task_id), self._visible, old_widths)
    self._rebuild(values, visible, [np.flatnonzero(units_) for units_ in kept])
    self._progress["report"]["added_units"] = [now - old for now, old in zip(self._state.trunk.widths, old_widths)]
    self._progress["report"]["pruned_units"] = [full - now for full, now in zip(before, self._state.trunk.widths)]
    self._split()

  def _split(self) -> None:
    """Sends units back that drifted too far, and gives the task copies of them."""
    values, before = self._state.read(self._task_id), self._state.read_snapshot()
    chosen = []
    for layer, kernel in enumerate(before.kernels):
      shape = kernel.shape[-2:]
      drift = self._splitting.drift(*(structure.incoming(each, layer, *shape) for each in (before, values)))
      chosen.append(self._splitting.choose(drift, self._visible[layer][:shape[-1]], self._layout.is_convolution(layer),
                                           self._num_new))
    self._progress["report"]["split_units"] = [len(positions) for positions in chosen]
    sources = [np.append(np.arange(width), positions) for width, positions in zip(values.widths(), chosen)]
    self._rebuild(*structure.duplicate(values, before, self._visible, chosen, self._replace), sources)

  # --- the rest of the contract ---------------------------------------------------------------------------------------

  def logits(self, images, task_id):
    return self._state.logits(images, task_id)

  def variables(self):
    return self._state.named_variables

  def visible_units(self, task_id: int) -> units.Mask:
    """The units that a task sees, a boolean array for every layer."""
    return [seen.copy() for seen in self._state.visible[task_id]]

  def _bump_versions(self):
    self.structure_changed((self._task_id,))

  def _structure(self):
    return {"network": self._state.structure(), "progress": copy.deepcopy(self._progress)}

  def _restore_structure(self, structure):
    self._state.restore(structure["network"])
    self._progress = structure["progress"]

  def num_parameters(self):
    return self._state.used_parameters()

  def memory_floats(self):
    return self._state.mask_bytes() / 4

  def workload(self, task_id):
    # Layers are counted before they grow.
    return workload.Workload(4.0 if task_id else 1.0, 1.2, 1.0 + 0.6 * task_id * self._relative, 12.0)

  def forward_macs(self, task_id):
    seen = self._state.visible
    widths = units.num_units(seen[task_id]) if task_id in seen else self._state.trunk.widths
    return self._layout.resized(widths).forward_macs(self.context.num_classes[task_id])
