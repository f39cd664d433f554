"""What generated CPU kernels stand on."""
