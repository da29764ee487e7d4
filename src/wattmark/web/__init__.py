"""Pages and small services that Airflow's API server carries; none of them has a server of its own."""
