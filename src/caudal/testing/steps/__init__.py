"""Keyed steps that only tests have, for what no operator does yet: see `caudal.worker.steps`, whose rules hold here too."""
