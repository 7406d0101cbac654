"""How methods and streams are called and ordered wherever results are shown."""

_FAMILIES = ("stl", "snn", "fine_tuning", "joint", "random", "hps", "tf", "dfcnn", "lasem", "lasemg", "lasemg32", "lasemg64", "lasemg128", "lasemg256",
             "darts", "exhaustive", "prognn", "den", "channel_gated", "apd", "ewc", "lwf", "replay", "a_gem",
             "hat", "packnet", "mntdp", "der_pp", "gpm", "si", "mas", "wsn")
_WORDS = {
    "stl": "STL",
    "snn": "SNN",
    "fine_tuning": "Fine-tuning",
    "joint": "Joint",
    "random": "Random",
    "hat": "HAT",
    "packnet": "PackNet",
    "mntdp": "MNTDP",
    "der_pp": "DER++",
    "gpm": "GPM",
    "si": "SI",
    "mas": "MAS",
    "wsn": "WSN",
    "hps": "HPS",
    "tf": "TF",
    "dfcnn": "DF-CNN",
    "lasem": "LASEM",
    "lasemg": "LASEM-G",
    "darts": "DARTS",
    "exhaustive": "Exhaustive",
    "prognn": "ProgNN",
    "den": "DEN",
    "apd": "APD",
    "ewc": "EWC",
    "lwf": "LwF",
    "replay": "Replay",
    "a_gem": "A-GEM",
    "channel_gated": "Channel-gated",
    "all": "All",
    "alternating": "Alternating",
    "odd": "odd",
    "2021": "(2021)",
    "release": "(release)",
    "lasemg32": "LASEM-G 32",
    "lasemg64": "LASEM-G 64",
    "lasemg128": "LASEM-G 128",
    "lasemg256": "LASEM-G 256",
}


def learner_label(name: str) -> str:
  """The name people read: 'hps_top2' is 'HPS Top-2', 'lasem_dfcnn' is 'LASEM DF-CNN'; unknown names stay themselves."""
  if name in _WORDS:
    return _WORDS[name]
  own = family(name)
  if own is None:
    return name
  words = [_WORDS[own]]
  rest = name[len(own) + 1:].replace("office_home", "Office-Home").replace("second_order", "second order")
  for word in rest.split("_"):
    stem = word.rstrip("0123456789")
    if stem in ("top", "bottom") and stem != word:
      words.append(f"{stem.capitalize()}-{word[len(stem):]}")
    else:
      words.append(_WORDS.get(word, word))
  return " ".join(words)


def learner_key(name: str) -> tuple:
  """Sorts single-task first, then static sharing, searches and the learners of other papers, names within a family."""
  own = family(name)
  return (len(_FAMILIES) if own is None else _FAMILIES.index(own), name)


def family(learner: str) -> str | None:
  """The longest known name that the method's begins with, word by word; None for a stranger."""
  fitting = [known for known in _FAMILIES if learner == known or learner.startswith(known + "_")]
  return max(fitting, key=len, default=None)
