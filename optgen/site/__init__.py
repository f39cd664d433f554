"""Pages that browsers open without a server: what they show is made of specs."""
