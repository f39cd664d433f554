"""What the pages state, derived from specs: a few seconds of work for each rule.

The results are kept between builds by a digest of this package, among others; pages aren't.
"""
