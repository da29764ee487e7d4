"""Validation: what may pass, what is set aside with its reason, and the proof that nothing is lost."""
