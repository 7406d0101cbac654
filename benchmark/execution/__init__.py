"""How runs are trained: planning, workers, folders and locks."""
