"""From specs to sources. The only part that imports sympy and jinja2."""
