"""Puts what a night made where BI and people use it: PostgreSQL."""
