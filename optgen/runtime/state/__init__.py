"""Saved states: snapshots, files, and Keras's stores."""
