"""The compiler: specs to sources. Only this package imports SymPy and Jinja."""
