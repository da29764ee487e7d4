"""Runs one DAG of the project in this process, without a scheduler; exit status 1 where it failed.

``python -m wattmark.local.dag_test DAG_ID CONF_JSON``, in an environment made by ``airflow_env``. Where that names a
holder of the home, the standard input is open as long as the command that holds it lives.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from pathlib import Path

from wattmark.writer import WRITER_VARIABLE


def _end_with_parent() -> None:
    """Ends this process when the command that waits for it was killed: its rerun must not meet a second writer."""
    while os.read(sys.stdin.fileno(), 4096):
        pass
    os.kill(os.getpid(), signal.SIGKILL)


def main() -> int:
    """Parse the DAG, run it, and say how it ended by the exit status."""
    from airflow.dag_processing.dagbag import DagBag

    dag_id, conf = sys.argv[1], json.loads(sys.argv[2])
    folder = Path(os.environ["AIRFLOW__CORE__DAGS_FOLDER"])
    bag = DagBag(dag_folder=str(folder / f"{dag_id}.py"))
    if bag.import_errors:
        for path, error in bag.import_errors.items():
            print(f"{path}: {error}", file=sys.stderr)
        return 1
    dag = bag.dags[dag_id]
    if WRITER_VARIABLE in os.environ:
        threading.Thread(target=_end_with_parent, name="parent-watch", daemon=True).start()
    # Deadlines are watched by the scheduler; a finished test run looks for alerts that nobody stored, and fails.
    dag.deadline = None
    dag_run = dag.test(run_conf=conf)
    return 0 if dag_run.state == "success" else 1


if __name__ == "__main__":
    sys.exit(main())
