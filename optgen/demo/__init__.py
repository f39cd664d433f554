"""The demo: a small network on handwritten digits, trained with many optimizers."""
