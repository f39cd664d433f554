"""Checkpoints of other libraries: their states as those of rules here, and back."""
