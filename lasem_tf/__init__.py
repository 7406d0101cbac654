"""Lifelong learning with selective layer transfer: streams, networks, learners and their training."""
