"""Passes: how programs change, one step a file. `passes.py` has their base and the textual pipelines."""
