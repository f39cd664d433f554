"""The nouns: Spec, Rule, Plan, Source, and what they are made of. They import no stage."""
