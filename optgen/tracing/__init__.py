"""From the code of a torch optimizer to a spec: its step runs on symbols, and is tested beside it.

Nothing in the compiler or the runtime imports this package; it imports torch.
"""
