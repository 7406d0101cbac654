"""One table of the methods: how they are called, ordered, grouped and drawn wherever results are shown.

Colours are those of Okabe and Ito (with two of Tol's), which stay distinct under the common colour vision deficiencies.
There are more methods than colours, so a family has a colour, and its members differ by the shape of their marker and
by their line, which also serves print. No marker is half filled: halves of a circle look alike in small figures.
"""

import collections
import dataclasses
import hashlib
import re
from collections.abc import Iterable, Mapping

from benchmark.suites.identity import split_variant

Line = str | tuple[int, tuple[float, ...]]  # A name or a dash pattern of Matplotlib.


@dataclasses.dataclass(frozen=True)
class Family:
  """Methods whose names begin alike.

  Attributes:
    name: the common first word of their names.
    label: the same for people.
    colour: of lines and points, '#rrggbb'.
    line: how lines are drawn.
    panel: title of the frame that shows the family in figures of many methods.
    narrow_panel: the frame where `panel` would be crowded.
    markers: by variant (the rest of the name), where the family shares its colour with another.
    short: the label inside a longer one; '' for `label`.
    splits: whether its methods come with both splits of trunk and head, so that a label says which it has.
  """

  name: str
  label: str
  colour: str
  line: Line
  panel: str
  narrow_panel: str
  markers: Mapping[str, str] = dataclasses.field(default_factory=dict)
  short: str = ""
  splits: bool = False


@dataclasses.dataclass(frozen=True)
class Look:
  """How a method is drawn: colour, marker, line and the marker's fill, 'full' or 'none', in Matplotlib's words."""

  colour: str
  marker: str
  line: Line
  fill: str


Looks = Mapping[str, Look]  # By learner.
_GREY, _BLUE, _ORANGE, _GREEN, _RED, _PINK, _SKY, _WINE, _OLIVE, _BROWN = (
    "#767676", "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#882255", "#999933", "#8C564B")
_STATIC, _SEARCH, _GROWING, _MASKS, _FIXED_SIZE = ("Static sharing", "Other searches", "Growing networks",
                                                   "Masks and modules", "Regularisation and replay")
_DOTS: Line = (0, (1, 2))
_FAMILIES = (  # In the order of tables.
    Family("stl", "STL", _GREY, "-", "References", "References", {"": "o"}),
    Family("snn", "SNN", _GREY, "--", "References", "References", {"": "X"}),
    Family("fine_tuning", "Fine-tuning", _GREY, ":", "References", "References", {"": "s"}),
    Family("joint", "Joint", _GREY, "-.", "References", "References", {"": "D"}),
    Family("random", "Random", _GREY, _DOTS, "References", "References", {"hps": "<", "tf": ">", "dfcnn": "^"}),
    Family("planted", "Planted", _GREY, (0, (4, 1, 1, 1)), "References", "References",
           {"hps": "p", "tf": "h", "dfcnn": "8"}),
    Family("hps", "HPS", _BLUE, "-", _STATIC, "Static HPS"),
    Family("tf", "TF (LASEM release)", _ORANGE, "-", _STATIC, "Static TF", short="TF"),
    Family("dfcnn", "DF-CNN", _GREEN, "-", _STATIC, "Static DF-CNN"),
    Family("lasem", "LASEM", _RED, "-", "LASEM", "LASEM",
           {"hps": "D", "hps_2021": "X", "hps_bounded": "P", "hps_heldout": "*", "hps_early": ">", "tf": "s",
            "dfcnn": "^"}),
    Family("lasemg", "LASEM-G", _RED, "--", "LASEM", "LASEM-G", {"hps": "o", "tf": "P", "dfcnn": "v"}),
    Family("lasemg32", "LASEM-G 32", _RED, ":", "LASEM", "LASEM-G", {"hps": "<", "tf": ">"}),
    Family("lasemg64", "LASEM-G 64", _RED, ":", "LASEM", "LASEM-G", {"hps": "p", "tf": "h"}),
    Family("lasemg128", "LASEM-G 128", _RED, ":", "LASEM", "LASEM-G", {"hps": "d", "tf": "*"}),
    Family("lasemg256", "LASEM-G 256", _RED, ":", "LASEM", "LASEM-G", {"hps": "8", "tf": "H"}),
    Family("darts", "DARTS", _PINK, "-", _SEARCH, "DARTS",
           {"hps": "^", "hps_faithful": "v", "hps_second_order": "d", "hps_validation": "p", "hps_heldout": "<",
            "tf": "s", "dfcnn": "o"}),
    Family("exhaustive", "Exhaustive", _PINK, "--", _SEARCH, "Exhaustive search",
           {"hps": ">", "hps_last": "X", "tf": "P", "dfcnn": "D"}),
    Family("prognn", "ProgNN (LASEM release)", _SKY, "-", _GROWING, _GROWING, {"": "o"}),
    Family("prognn_published", "ProgNN", _SKY, "-", _GROWING, _GROWING, {"": "P"}),
    Family("den", "DEN", _SKY, "--", _GROWING, _GROWING, {"": "s"}),
    Family("channel_gated", "Channel-gated", _SKY, ":", _GROWING, _GROWING, {"": "^", "soft": "v"}),
    Family("apd", "APD", _SKY, "-.", _GROWING, _GROWING, {"": "D"}),
    Family("ewc", "EWC", _WINE, "-", _FIXED_SIZE, "Regularisation", {"": "o"}, splits=True),
    Family("lwf", "LwF", _WINE, "--", _FIXED_SIZE, "Regularisation", {"": "s"}, splits=True),
    Family("replay", "Replay", _OLIVE, "-", _FIXED_SIZE, "Replay", {"": "o"}, splits=True),
    Family("a_gem", "A-GEM", _OLIVE, "--", _FIXED_SIZE, "Replay", {"": "s"}, splits=True),
    Family("hat", "HAT", _BROWN, "-", _MASKS, _MASKS, {"": "o"}),
    Family("packnet", "PackNet", _BROWN, "--", _MASKS, _MASKS, {"": "s"}),
    Family("mntdp", "MNTDP", _BROWN, "-.", _MASKS, _MASKS, {"": "D"}),
    Family("der_pp", "DER++", _OLIVE, "-.", _FIXED_SIZE, "Replay", {"": "D"}),
    Family("gpm", "GPM", _WINE, "-.", _FIXED_SIZE, "Regularisation", {"": "D"}),
    Family("si", "SI", _WINE, ":", _FIXED_SIZE, "Regularisation", {"": "^"}),
    Family("mas", "MAS", _WINE, _DOTS, _FIXED_SIZE, "Regularisation", {"": "v"}),
    Family("wsn", "WSN", _BROWN, ":", _MASKS, _MASKS, {"": "^"}),
    Family("supsup", "SupSup", _BROWN, _DOTS, _MASKS, _MASKS, {"": "v"}),
)
_BY_NAME = {family.name: family for family in _FAMILIES}
_ORDER = {family.name: place for place, family in enumerate(_FAMILIES)}
_STATIC_MARKERS = {
    "all": "s", "top1": "o", "top2": "D", "top3": "^", "top4": "P", "top5": "X", "top6": "8", "bottom1": "v",
    "bottom2": "<", "bottom3": ">", "bottom4": "p", "bottom5": "h", "bottom6": "H", "alternating": "d",
    "alternating_odd": "*",
}
# Parts of a variant that change the line. The first that a name holds counts.
_LINES: Mapping[str, Line] = {
    "office_home": (0, (3, 1, 3, 3)),
    **dict.fromkeys(("2021", "release", "separate"), (0, (5, 1.5, 1, 1.5, 1, 1.5))),
    "bounded": (0, (1, 1.2)), "heldout": (0, (8, 2)), "early": (0, (4, 1.2, 1, 1.2)),
    "faithful": (0, (4, 1.5)), "second_order": (0, (2, 1)), "validation": (0, (8, 1.5, 2, 1.5)),
    "last": (0, (6, 1, 2, 1, 2, 1)),
    "top": "--", "bottom": ":", "alternating": "-.",
}
_VARIANT_LINES: tuple[Line, ...] = ("-", "--", ":", "-.", (0, (5, 1, 1, 1, 1, 1)))
_FILLS = ("full", "none")
_SPARE_COLOURS = (_BLUE, _ORANGE, _GREEN, _RED, _PINK, _SKY, _WINE, _OLIVE)
_SPARE_MARKERS = "osD^v<>pPX*hd"
_ALL_DENSE = "all_dense"
_WORDS = {"all": "All", "alternating": "Alternating", "2021": "(2021)", "release": "(release)"}


def family(learner: str) -> Family | None:
  """The family with the longest name that the method's begins with, word by word; None for an unknown method."""
  words = split_variant(learner)[0].split("_")
  beginnings = ("_".join(words[:length]) for length in range(len(words), 0, -1))
  return next((_BY_NAME[name] for name in beginnings if name in _BY_NAME), None)


def learner_label(name: str) -> str:
  """The name people read: 'hps_top2' is 'HPS Top-2', 'ewc[strength=10]' is 'EWC (own last layer; strength=10)'.

  Unknown names stay themselves.
  """
  full = name
  name, variant = split_variant(full)
  own = family(name)
  if variant:
    label = learner_label(name)
    return f"{label[:-1]}; {variant_label(full)})" if label.endswith(")") else f"{label} ({variant_label(full)})"
  if own is None:
    return name
  rest = name[len(own.name) + 1:].replace("office_home", "Office-Home").replace("second_order", "second order")
  split = []
  if own.splits:
    split = ["(own dense layers)" if rest.endswith(_ALL_DENSE) else "(own last layer)"]
    rest = rest.removesuffix(_ALL_DENSE)
  return " ".join([own.label, *map(_word, filter(None, rest.split("_"))), *split])


def short_labels(learners: Iterable[str]) -> dict[str, str]:
  """By name, the shortest label that no other of these methods has.

  The variant, and which layers are a task's own, are left out where they tell no two of the methods apart.
  """
  shortest = {learner: learner_label(learner) for learner in learners}
  for shorten in (_without_variant, _without_variant_and_split):
    labels = {learner: shorten(learner) for learner in shortest}
    counts = collections.Counter(labels.values())
    shortest.update((learner, label) for learner, label in labels.items() if counts[label] == 1)
  return shortest


def _without_variant(learner: str) -> str:
  return learner_label(split_variant(learner)[0])


def _without_variant_and_split(learner: str) -> str:
  return re.sub(r" \(own (last layer|dense layers)\)$", "", _without_variant(learner))


def variant_label(name: str) -> str:
  """What makes a method a variant, as people read it: 'strength=10, learning_rate=0.001'; '' for others."""
  return split_variant(name)[1].replace(",", ", ")


def learner_key(name: str) -> tuple[int, str, list[tuple[float, str]]]:
  """Sorts single-task first, then static sharing, searches and the learners of other papers, names within a family.

  Variants come after their learner, by the numbers they are named by.
  """
  own, (method, variant) = family(name), split_variant(name)
  parts = re.split(r"(?<==)(-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)", variant)  # Numbers stand at odd places.
  numbered = [(float(part), "") if place % 2 else (0.0, part) for place, part in enumerate(parts)]
  return (len(_FAMILIES) if own is None else _ORDER[own.name], method, numbered if variant else [])


def look(learner: str) -> Look:
  """How a method is drawn by itself; depends on its name alone. `looks` tells several apart."""
  learner, variant = split_variant(learner)
  if variant:
    number = int(hashlib.sha256(variant.encode()).hexdigest(), 16)
    return Look(look(learner).colour, _SPARE_MARKERS[number % len(_SPARE_MARKERS)],
                _VARIANT_LINES[number // 16 % len(_VARIANT_LINES)], _FILLS[number // 256 % len(_FILLS)])
  own = family(learner)
  if own is None:
    number = int(hashlib.sha256(learner.encode()).hexdigest(), 16)
    return Look(_SPARE_COLOURS[number % len(_SPARE_COLOURS)], _SPARE_MARKERS[number // 8 % len(_SPARE_MARKERS)], ":",
                "none")
  rest = learner[len(own.name) + 1:]
  part = next((part for part in _LINES if part in rest), None)
  markers = {**_STATIC_MARKERS, **own.markers}
  # A form without a marker of its own has that of the method it is a form of.
  shape = rest if rest in markers or part is None else rest.replace(part, "").strip("_")
  spare = _SPARE_MARKERS[sum(shape.encode()) % len(_SPARE_MARKERS)]
  return Look(own.colour, markers.get(shape, spare), own.line if part is None else _LINES[part], "full")


def looks(learners: Iterable[str]) -> Looks:
  """Looks of methods that are shown together: no two have marker and line in common, so that none needs its colour.

  No two have a marker of one shape either, or, where there are more methods than shapes, no two of one colour. The
  first of several keeps its own look; the others get a shape, or else a line, that none of them has by itself. A
  variant that is the only one of its method is drawn like the method. Only when every combination is taken do methods
  share one.
  """
  shown = list(learners)
  forms = collections.Counter(split_variant(learner)[0] for learner in shown)
  own = {learner: look(method if forms[method := split_variant(learner)[0]] == 1 else learner) for learner in shown}
  wanted = set(own.values())
  clash = _is_one_shape if len(own) <= len(_SPARE_MARKERS) else _is_one_shape_in_a_colour
  taken: list[Look] = []
  for learner, each in own.items():
    if any(clash(each, other) for other in taken):
      candidates = [dataclasses.replace(each, marker=marker, line=line)
                    for line in (each.line, *_VARIANT_LINES) for marker in _SPARE_MARKERS]
      wishes = ((clash, [*taken, *(wanted - {each})]), (clash, taken), (_is_one_without_colours, taken))
      own[learner] = next((candidate for is_same, others in wishes for candidate in candidates
                           if not any(is_same(candidate, other) for other in others)), each)
    taken.append(own[learner])
  return own


def _is_one_shape(first: Look, second: Look) -> bool:
  return first.marker == second.marker


def _is_one_shape_in_a_colour(first: Look, second: Look) -> bool:
  return first.marker == second.marker and (first.colour == second.colour or first.line == second.line)


def _is_one_without_colours(first: Look, second: Look) -> bool:
  return first.marker == second.marker and first.line == second.line


def _word(word: str) -> str:
  stem = word.rstrip("0123456789")
  if stem in ("top", "bottom") and stem != word:
    return f"{stem.capitalize()}-{word[len(stem):]}"
  return _BY_NAME[word].short or _BY_NAME[word].label if word in _BY_NAME else _WORDS.get(word, word)
