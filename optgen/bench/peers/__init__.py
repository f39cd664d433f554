"""The same rules by other libraries, each as its users run it."""
