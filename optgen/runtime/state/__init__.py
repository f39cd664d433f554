"""The state of an optimizer outside of it: as a snapshot, a file, or a store of Keras's."""
