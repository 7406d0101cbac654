"""Streams of a user's own photographs, in folders or listed in a table; no Python is needed for them."""

from collections.abc import Sequence
from typing import Literal

import gin

from lasem_tf.data.readers import image_folders, image_tables
from lasem_tf.data.readers.listed_images import ListedImage
from lasem_tf.data.stream import DataError, StreamContext
from lasem_tf.data.streams import own_images, own_tasks


@gin.register
class FolderStream(own_images.OwnImages):
  """A folder with one folder of images for each class; see `readers.image_folders` for folders of splits and domains.

  With domains, each domain is a task. Without, classes in order of their names are divided into tasks.
  """

  def __init__(self, context: StreamContext, root: str, num_tasks: int | None = None,
               classes_per_task: int | None = None, tasks: tuple[tuple[str, ...], ...] = (),
               domains: tuple[str, ...] = (), split: tuple[float, float, float] = (0.6, 0.1, 0.3),
               image_size: int = 64, num_channels: int = 3, fit: Literal["stretch", "crop", "pad"] = "crop",
               normalization: Literal["train", "none"] = "train", rotations: tuple[int, ...] = (),
               num_permutations: int = 0, skip_unreadable: bool = False, data_name: str | None = None):
    """Lists and checks the files; images are decoded by `load`, or here where damaged ones are to be left out.

    Args:
      context: `StreamContext`.
      root: the folder: absolute, or relative to the working folder or a data folder.
      num_tasks: with domains, the first so many tasks only. Without, see `own_tasks.divide`: all classes are divided,
        so that fewer tasks are others; `experiment.first_tasks` leaves the first of them.
      classes_per_task: see `own_tasks.divide`.
      tasks: see `own_tasks.divide`.
      domains: which folders of domains are tasks, in this order; all of them, by name, where it is empty.
      split: shares of train, validation and test of every class, drawn for every seed; unused where folders of splits
        exist.
      image_size: height and width of the resized images, in pixels.
      num_channels: 3; or 1, which makes colours grey. The network must have as many: macro NUM_CHANNELS.
      fit: 'crop', 'stretch' or 'pad'; see `Preprocessing`.
      normalization: 'train' or 'none'; see `OwnImages`.
      rotations: see `own_tasks.transformed`.
      num_permutations: see `own_tasks.transformed`.
      skip_unreadable: whether files that cannot be decoded are left out, which a warning names, instead of refused. A
        JPEG has no checksums: damage that leaves a picture goes unnoticed.
      data_name: what tables call the data; the folder's name by default.

    Raises:
      ValueError: a binding has a value that it cannot take, or bindings contradict each other.
      DataError: the folder is missing, of another layout, holds damaged images, or too few.
    """
    folder = image_folders.find_root(root, context.data_dirs, "FolderStream.root")
    rule = own_images.resizing("FolderStream", image_size, num_channels, fit)
    listed = image_folders.read(folder)
    cache = own_images.open_cache(context, folder, listed, rule)
    found = own_images.readable(listed, cache, skip_unreadable, "FolderStream")
    if domains or any(image.domain for image in found):
      plans, kept = _one_task_a_domain(found, domains, (classes_per_task, *tasks), folder), num_tasks
    else:
      classes = sorted({image.label for image in found})
      divided = own_tasks.divide(classes, num_tasks, classes_per_task, tasks, "FolderStream", str(folder))
      plans, kept = [own_tasks.TaskPlan(each) for each in divided], None
      own_images.say_shared_labels(plans, "folder")
    plans = own_tasks.transformed(plans, rotations, num_permutations, image_size, "FolderStream", context.design_seed)
    images = [[image for image in found if image.label in plan.classes
               and image.domain == plan.details.get("domain", "")] for plan in plans]
    super().__init__(context, "folder", folder, plans, images, split, cache, normalization, data_name)
    self.keep_first(kept)

  def how_to_begin_with(self, earlier):
    """See `TaskStream.how_to_begin_with`."""
    if any("domain" in task.details for task in self.tasks):
      return ("Bind FolderStream.domains: the earlier domains in their order, then further ones. Unbound, domains come "
              "by name.")
    return own_tasks.how_to_begin_with(earlier, self.tasks, "FolderStream")


def _one_task_a_domain(found, domains, divisions, folder) -> list[own_tasks.TaskPlan]:
  present = sorted({image.domain for image in found if image.domain})
  if any(division is not None for division in divisions):
    raise ValueError(f"{folder} holds domains ({', '.join(present)}), and each is a task: do not bind "
                     "FolderStream.classes_per_task or FolderStream.tasks.")
  unknown = [name for name in domains if name not in present]
  if unknown or len(set(domains)) < len(domains):
    raise DataError(f"FolderStream.domains = {tuple(domains)}: {folder} holds "
                    f"{', '.join(present) or 'no domains (root/<domain>/<class>)'}. Name some of them, each once.")
  plans = []
  for domain in domains or present:
    classes = tuple(sorted({image.label for image in found if image.domain == domain}))
    if len(classes) < 2:
      raise DataError(f"{folder / domain} holds one class only, {classes[0]!r}: there is nothing to tell apart. Add a "
                      "second class, or bind FolderStream.domains without it.")
    plans.append(own_tasks.TaskPlan(classes, {"domain": domain}))
  return plans


@gin.register
class TableStream(own_images.OwnImages):
  """Images listed in a CSV file with the columns path, label, task and, if wanted, split and domain.

  Tasks, and the classes of each, come in the order in which the table first names them; tasks may have unequal numbers
  of classes, and images and labels may be in several.
  """

  def __init__(self, context: StreamContext, table: str, split: tuple[float, float, float] = (0.6, 0.1, 0.3),
               image_size: int = 64, num_channels: int = 3, fit: Literal["stretch", "crop", "pad"] = "crop",
               normalization: Literal["train", "none"] = "train", rotations: tuple[int, ...] = (),
               num_permutations: int = 0, skip_unreadable: bool = False, data_name: str | None = None,
               num_tasks: int | None = None):
    """Reads the table and checks the files; images are decoded as by `FolderStream`.

    Args:
      context: `StreamContext`.
      table: the CSV file: absolute, or relative to the working folder or a data folder; paths in it are relative to its
        folder.
      split: shares of train, validation and test of every label and domain, unused where the table has a column split.
      image_size, num_channels, fit, normalization, rotations, num_permutations, skip_unreadable: see `FolderStream`.
      data_name: what tables of results call the data; the file's name by default.
      num_tasks: the first so many tasks only; images of further tasks must be there all the same.

    Raises:
      ValueError, DataError: as `FolderStream`.
    """
    file = image_folders.find_root(table, context.data_dirs, "TableStream.table")
    rule = own_images.resizing("TableStream", image_size, num_channels, fit)
    listed = image_tables.read(file)
    cache = own_images.open_cache(context, file, listed, rule)
    found = own_images.readable(listed, cache, skip_unreadable, "TableStream")
    by_task: dict[str, list[ListedImage]] = {}
    for image in found:
      by_task.setdefault(image.task, []).append(image)
    plans = [_plan(name, images, file) for name, images in by_task.items()]
    own_images.say_shared_labels(plans, "table")
    plans = own_tasks.transformed(plans, rotations, num_permutations, image_size, "TableStream", context.design_seed)
    images = [by_task[str(plan.details["task"])] for plan in plans]
    self._table = file
    super().__init__(context, "table", file, plans, images, split, cache, normalization, data_name)
    self.keep_first(num_tasks)

  def how_to_begin_with(self, earlier):
    """See `TaskStream.how_to_begin_with`."""
    del earlier
    return f"Leave the rows of earlier tasks in {self._table} as they were, and add those of new tasks below."


def _plan(name: str, images: Sequence[ListedImage], file) -> own_tasks.TaskPlan:
  classes = tuple(dict.fromkeys(image.label for image in images))
  if len(classes) < 2:
    raise DataError(f"{file}: task {name!r} has one class only, {classes[0]!r}: there is nothing to tell apart. Add "
                    "rows of a second label.")
  domains = ", ".join(dict.fromkeys(image.domain for image in images if image.domain))
  return own_tasks.TaskPlan(classes, {"task": name, **({"domain": domains} if domains else {})})
