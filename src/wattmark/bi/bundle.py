"""A bundle that Apache Superset imports: the database, data sets, charts and dashboards, as files.

The same definitions give the same bytes; what one name stands for keeps its identity from release to release, so that an import
takes the place of the one before it.
"""

from __future__ import annotations

import io
import json
import shutil
import uuid
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import sqlalchemy as sa
import yaml

from wattmark.atomic import write_atomically
from wattmark.bi.charts import Drawn
from wattmark.bi.datasets import SCHEMA, Table, called, d3_format, tables
from wattmark.bi.definitions import Dashboard, Definitions, Filter, width_of
from wattmark.code_names import CodeNames, Language
from wattmark.errors import SettingsError

Type = Literal["Dashboard", "assets"]
"""What Superset is told that it is: dashboards, which its page imports; or assets, which also replace charts and data sets."""
DATABASE = "Wattmark"
ROOT = "wattmark_superset"
VERSION = "1.0.0"
"""Of Superset's form of bundles."""
MASK = "XXXXXXXXXX"
"""What stands where a password would; whoever imports is asked for it."""
_SPACE = uuid.uuid5(uuid.NAMESPACE_DNS, "wattmark")
_PARTS = ("databases", "datasets", "charts", "dashboards")

Body = dict[str, Any]


def identity(kind: str, *names: str) -> str:
    """UUID of a thing by its kind and names, the same for ever."""
    return str(uuid.uuid5(_SPACE, "/".join((kind, *names))))


def address(warehouse_url: str, login: str, host: str | None = None, port: int | None = None) -> str:
    """Address of the warehouse for Superset, with a mask where the password would stand.

    Args:
        warehouse_url: SQLAlchemy URL that Wattmark itself publishes with.
        login: made by ``wattmark bi-user add``.
        host: of the server as Superset sees it; that of the URL where left out.
        port: the same.
    """
    url = sa.make_url(warehouse_url).set(drivername="postgresql+psycopg2", username=login, password=MASK)
    if host:
        url = url.set(host=host)
    if port:
        url = url.set(port=port)
    return url.render_as_string(hide_password=False)


class Bundle:
    """All files of a bundle in one language.

    Args:
        definitions: of ``include/bi``.
        names: what codes are called.
        language: of titles and names.
        uri: of the database.
        kind: what Superset is told that it is.

    Raises:
        SettingsError: a definition names what is not published, or something shown has no name in the language.
    """

    def __init__(
        self,
        definitions: Definitions,
        names: CodeNames,
        language: Language,
        uri: str,
        kind: Type = "Dashboard",
    ) -> None:
        self._definitions, self._language = definitions, language
        self.tables = tables(definitions, names, language)
        self.drawn = {
            (dashboard, name): Drawn(name, chart, self.tables[chart.table], definitions)
            for dashboard, each in definitions.dashboards.items()
            for name, chart in each.charts.items()
        }
        self._numbers = {key: number for number, key in enumerate(self.drawn, 1)}
        self._require_names()
        self.files: dict[str, Body] = {"metadata.yaml": {"version": VERSION, "type": kind}}
        self.files[f"databases/{DATABASE}.yaml"] = _database(uri)
        for mart, table in self.tables.items():
            self.files[f"datasets/{DATABASE}/{self._table_name(mart)}.yaml"] = self._data_set(table)
        for dashboard, name in self.drawn:
            self.files[f"charts/{dashboard}_{name}_{language}.yaml"] = self._chart(dashboard, name)
        for name, each in definitions.dashboards.items():
            self.files[f"dashboards/{name}_{language}.yaml"] = self._dashboard(name, each)

    def _require_names(self) -> None:
        """Refuse what would be shown under its technical name."""
        shown = {name for drawn in self.drawn.values() for name in drawn.shown}
        shown |= {
            each.column for dashboard in self._definitions.dashboards.values() for each in dashboard.filters
        }
        if unnamed := sorted(
            name for name in shown if called(self._definitions, name, self._language) is None
        ):
            raise SettingsError(
                "bi.words", f"{self._definitions.folder / 'words.yaml'}:1: {', '.join(unnamed)} has no name.",
                "Write `column: {en: …, zh: …}` for each.",
            )  # fmt: skip

    def _table_name(self, mart: str) -> str:
        return f"{mart}_{self._language}"

    def _id(self, kind: str, *names: str) -> str:
        return identity(kind, self._language, *names)

    # --- data sets -------------------------------------------------------------------------------------------

    def _label(self, name: str) -> str:
        return called(self._definitions, name, self._language) or name.replace("_", " ").capitalize()

    def _data_set(self, table: Table) -> Body:
        return {
            "table_name": self._table_name(table.mart),
            "main_dttm_col": table.time,
            "description": table.purpose,
            "schema": SCHEMA,
            "sql": table.sql,
            "filter_select_enabled": True,
            "normalize_columns": False,
            "always_filter_main_dttm": False,
            "uuid": self._id("dataset", table.mart),
            "metrics": [
                {
                    "metric_name": name,
                    "verbose_name": self._label(name),
                    "expression": expression,
                    "description": self._meaning(table, name),
                    "d3format": d3_format(self._definitions, name),
                }
                for name, expression in table.metrics.items()
            ],
            "columns": [
                {
                    "column_name": column.name,
                    "verbose_name": self._label(column.name),
                    "is_dttm": column.is_date,
                    "is_active": True,
                    "type": column.postgres,
                    "groupby": column.kind != "json",
                    "filterable": column.kind != "json",
                    "description": column.doc,
                }
                for column in table.columns.values()
            ],
            "version": VERSION,
            "database_uuid": identity("database"),
        }

    @staticmethod
    def _meaning(table: Table, metric: str) -> str | None:
        """What a sum is of, in the words of the column that is summed."""
        column = table.columns.get(metric.removeprefix("sum_"))
        return column.doc if column and metric.startswith("sum_") else None

    # --- charts ----------------------------------------------------------------------------------------------

    def _chart(self, dashboard: str, name: str) -> Body:
        drawn = self.drawn[dashboard, name]
        chart, params = drawn.chart, drawn.params()
        context = {
            # Superset puts the number that the data set gets there in its place.
            "datasource": {"id": 0, "type": "table"},
            "force": False,
            "queries": drawn.queries(),
            "form_data": params,
            "result_format": "json",
            "result_type": "full",
        }
        return {
            "slice_name": chart.title.told(self._language),
            "description": chart.note.told(self._language) if chart.note else None,
            "viz_type": params["viz_type"],
            "params": params,
            "query_context": json.dumps(context, ensure_ascii=False, sort_keys=True),
            "uuid": self._id("chart", dashboard, name),
            "version": VERSION,
            "dataset_uuid": self._id("dataset", chart.table),
        }

    # --- dashboards ------------------------------------------------------------------------------------------

    def _dashboard(self, name: str, dashboard: Dashboard) -> Body:
        return {
            "dashboard_title": dashboard.title.told(self._language),
            "description": dashboard.description.told(self._language),
            "css": "",
            "slug": f"wattmark-{name.replace('_', '-')}-{self._language}",
            "uuid": self._id("dashboard", name),
            "position": self._position(name, dashboard),
            "metadata": {
                "timed_refresh_immune_slices": [],
                "expanded_slices": {},
                "refresh_frequency": 0,
                "default_filters": "{}",
                "color_scheme": "supersetColors",
                "label_colors": {},
                "cross_filters_enabled": True,
                "chart_configuration": {},
                "native_filter_configuration": [self._filter(name, dashboard, each) for each in dashboard.filters],
            },
            "version": VERSION,
            "published": True,
        }  # fmt: skip

    def _position(self, name: str, dashboard: Dashboard) -> Body:
        rows = {f"ROW-{number}": row for number, row in enumerate(dashboard.rows, 1)}
        position: Body = {
            "DASHBOARD_VERSION_KEY": "v2",
            "ROOT_ID": {"type": "ROOT", "id": "ROOT_ID", "children": ["GRID_ID"]},
            "GRID_ID": {"type": "GRID", "id": "GRID_ID", "children": list(rows), "parents": ["ROOT_ID"]},
            "HEADER_ID": {"type": "HEADER", "id": "HEADER_ID", "meta": {"text": dashboard.title.told(self._language)}},
        }  # fmt: skip
        for row_id, row in rows.items():
            position[row_id] = {
                "type": "ROW",
                "id": row_id,
                "children": [f"CHART-{chart}" for chart in row],
                "parents": ["ROOT_ID", "GRID_ID"],
                "meta": {"background": "BACKGROUND_TRANSPARENT"},
            }
            for chart in row:
                position[f"CHART-{chart}"] = {
                    "type": "CHART",
                    "id": f"CHART-{chart}",
                    "children": [],
                    "parents": ["ROOT_ID", "GRID_ID", row_id],
                    "meta": {
                        "chartId": self._numbers[name, chart],
                        "uuid": self._id("chart", name, chart),
                        "sliceName": dashboard.charts[chart].title.told(self._language),
                        "width": width_of(dashboard, row, chart),
                        "height": max(self.drawn[name, other].height for other in row),
                    },
                }
        return position

    def _filter(self, name: str, dashboard: Dashboard, each: Filter) -> Body:
        table = self.tables.get(each.table)
        column = table.column(each.column) if table else None
        if table is None or column is None:
            raise SettingsError("bi.filter", f"include/bi/dashboards/{name}.yaml: filter {each.column}: {each.table} has no such column.", "Correct the file.")  # fmt: skip
        order = each.order.removeprefix("-") if each.order else None
        if order and order not in table.metrics:
            raise SettingsError("bi.filter", f"include/bi/dashboards/{name}.yaml: filter {each.column}: {order} is no metric of {each.table}.", "Correct the file.")  # fmt: skip
        excluded = [
            self._numbers[name, chart]
            for chart in dashboard.charts
            if chart in each.leave_out or column not in self.tables[dashboard.charts[chart].table].columns
        ]
        made: Body = {
            "id": _filter_id(each.column),
            "name": self._label(column),
            "type": "NATIVE_FILTER",
            "filterType": "filter_select",
            "description": "",
            # Charts wait for the first value then, rather than ask for all rows before.
            "requiredFirst": each.first,
            "targets": [{"datasetUuid": self._id("dataset", each.table), "column": {"name": column}}],
            "defaultDataMask": {"extraFormData": {}, "filterState": {}, "ownState": {}},
            "cascadeParentIds": [_filter_id(each.below)] if each.below else [],
            "scope": {"rootPath": ["ROOT_ID"], "excluded": excluded},
            "controlValues": {
                "multiSelect": each.several,
                "enableEmptyFilter": each.first,
                "defaultToFirstItem": each.first,
                "inverseSelection": False,
                "searchAllOptions": False,
                "sortAscending": not (each.order.startswith("-") if each.order else each.descending),
            },
        }
        return made | ({"sortMetric": order} if order else {})

    # --- what is written -------------------------------------------------------------------------------------

    def texts(self) -> dict[str, str]:
        """Each file's text by its path."""
        return {
            path: yaml.dump(body, Dumper=yaml.CSafeDumper, allow_unicode=True, sort_keys=False, width=120)
            for path, body in self.files.items()
        }


def _filter_id(column: str) -> str:
    return f"NATIVE_FILTER-{column}"


def _database(uri: str) -> Body:
    return {
        "database_name": DATABASE,
        "sqlalchemy_uri": uri,
        "cache_timeout": None,
        "expose_in_sqllab": True,
        "allow_run_async": False,
        "allow_ctas": False,
        "allow_cvas": False,
        "allow_dml": False,
        "allow_csv_upload": False,
        "extra": {"allows_virtual_table_explore": True},
        "uuid": identity("database"),
        "version": VERSION,
    }


def write(texts: Mapping[str, str], out: Path) -> None:
    """Write a bundle: one file where ``out`` ends in ``.zip``, else a folder.

    Raises:
        SettingsError: the folder holds something that is no bundle.
    """
    if out.suffix == ".zip":
        write_atomically(out, zipped(texts))
        return
    if out.exists() and (not out.is_dir() or (any(out.iterdir()) and not (out / "metadata.yaml").is_file())):
        raise SettingsError(
            "bi.out", f"{out} holds something that is no bundle.", "Name an empty folder, an earlier bundle, or a file that ends in .zip."
        )  # fmt: skip
    for part in _PARTS:
        shutil.rmtree(out / part, ignore_errors=True)
    for path, text in texts.items():
        (out / path).parent.mkdir(parents=True, exist_ok=True)
        (out / path).write_text(text, encoding="utf-8")


def zipped(texts: Mapping[str, str]) -> bytes:
    """A bundle as one file; the same texts give the same bytes."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as file:
        for path, text in sorted(texts.items()):
            entry = zipfile.ZipInfo(f"{ROOT}/{path}", (1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            file.writestr(entry, text.encode())
    return made.getvalue()
