"""Reviews of the audit by day, week, month, quarter and year: what the last one found and what became of it, what is found now, by whom it is seen to."""
