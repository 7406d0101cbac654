"""Command lines of the benchmark suite: run, report, data, speed, replay, export."""

from benchmark.execution import surroundings

surroundings.settle()  # Before any library reads its environment variables.
