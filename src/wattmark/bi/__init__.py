"""Dashboards over the published marts, made from their own documentation."""
