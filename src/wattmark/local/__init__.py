"""The embedded services: PostgreSQL and Airflow on one machine, belonging to one home folder."""
