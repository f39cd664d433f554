"""The gallery: a static site about the built-in rules, their features, and how they compare."""
