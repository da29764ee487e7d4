"""Prints the SQLAlchemy URLs of Airflow connections as JSON, by id; for a process that reads them through a pipe.

``python -m wattmark.local.connection ID…``, in an environment made by ``airflow_env``. Importing Airflow writes into its
folder and takes seconds, so the command line itself does without.
"""

from __future__ import annotations

import json
import sys


def main() -> int:
    """Look each connection up in the environment and in Airflow's database; empty text where there is none."""
    from airflow.exceptions import AirflowNotFoundException
    from airflow.models import Connection

    from wattmark.sources.resolve import sqlalchemy_url

    found: dict[str, str] = {}
    for conn_id in sys.argv[1:]:
        try:
            found[conn_id] = sqlalchemy_url(str(Connection.get_connection_from_secrets(conn_id).get_uri()))
        except AirflowNotFoundException:
            found[conn_id] = ""
    print(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
