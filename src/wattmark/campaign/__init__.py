"""Campaigns: definition, audience, assignment, lists, release, feedback and evaluation."""
