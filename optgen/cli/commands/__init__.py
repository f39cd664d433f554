"""The commands of ``optgen``, one module each."""
