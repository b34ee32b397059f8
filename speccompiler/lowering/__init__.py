"""Spec to graph: Keras's spellings end here. ``table.py`` has the rule of each layer."""
