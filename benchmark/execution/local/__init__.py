"""Execution in processes of this machine, and how such processes begin."""
