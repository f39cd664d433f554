"""The nouns: Spec, Rule, Plan, Source, and their parts. They import no stage."""
