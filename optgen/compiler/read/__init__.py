"""From a file to a checked rule: load, parse, check."""
