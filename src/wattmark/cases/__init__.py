"""Audit cases: from a finding to its proof. On PostgreSQL (schema ``ops``); knows no Airflow.

``model`` says what a case and an event are, ``log`` writes both, ``steps`` are what people do, ``night`` what the night does.
"""
