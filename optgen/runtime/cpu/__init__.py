"""The runtime of generated CPU kernels."""
