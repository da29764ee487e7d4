"""Prints the SQLAlchemy URLs of Airflow connections as JSON, by id; for a process that reads them through a pipe.

``python -m wattmark.local.connection ID…``, in an environment made by ``airflow_env``. Importing Airflow writes into its
folder and takes seconds, so the command line itself does without.
"""

from __future__ import annotations

import json
import sys


def main() -> int:
    """Look each connection up in Airflow's database; empty text where there is none."""
    from airflow.models import Connection
    from airflow.utils.session import create_session
    from sqlalchemy import select

    from wattmark.sources.resolve import sqlalchemy_url

    found: dict[str, str] = {}
    with create_session() as session:
        for conn_id in sys.argv[1:]:
            connection = session.scalar(select(Connection).where(Connection.conn_id == conn_id))
            found[conn_id] = sqlalchemy_url(str(connection.get_uri())) if connection is not None else ""
    print(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
