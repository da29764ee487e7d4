"""Grading and classification: what scikit-learn does, the state between nights, and the reports. Knows no Airflow."""
