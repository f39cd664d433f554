"""Names of rules that users of other libraries know, and the families of rules.

Only files of ``specs`` are read here, and no rule is imported.
"""
