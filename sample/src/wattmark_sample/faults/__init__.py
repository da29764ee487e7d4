"""Known faults: what can go wrong in a utility's data, one entry for each way a rule can flag.

A fault is seeded at one of three moments, or at several: into the *model* (what is physically there, or
what the files said when the bill was made), into the *registers* (what was read) or into the finished
*tables*. Early ones are measured and billed like everything else, so that they have the consequences
they would have at a utility. What was seeded is handed back as truth and never written into the source.
"""
