"""Hostile text: specs that nobody would write, and what must never become of them."""
