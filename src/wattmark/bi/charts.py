"""Charts as Superset keeps them: what is drawn (``params``) and what is asked for it (``queries``)."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from wattmark.bi.datasets import Table, d3_format
from wattmark.bi.definitions import Chart, Definitions
from wattmark.errors import SettingsError

Params = dict[str, Any]

KINDS = {
    "number": "big_number_total",
    "table": "table",
    "rows": "table",
    "line": "echarts_timeseries_line",
    "bar": "echarts_timeseries_bar",
    "mixed": "mixed_timeseries",
    "pivot": "pivot_table_v2",
    "pie": "pie",
}
HEIGHTS = {"number": 21, "rows": 56, "table": 56}
"""In Superset's measure of 8 px; all others ``HEIGHT``."""
HEIGHT = 50
_SERIES = ("line", "bar", "mixed")
_NEEDS = {
    "number": ("metrics",),
    "table": ("by", "metrics"),
    "rows": ("columns",),
    "line": ("x", "metrics"),
    "bar": ("x", "metrics"),
    "mixed": ("x", "metrics", "lines"),
    "pivot": ("by", "metrics"),
    "pie": ("by", "metrics"),
}


class Drawn:
    """One chart over one data set; every column and metric it names is there.

    Raises:
        SettingsError: one is not, or the chart lacks what its kind needs.
    """

    def __init__(self, name: str, chart: Chart, table: Table, definitions: Definitions) -> None:
        self.name, self.chart, self.table = name, chart, table
        self._definitions = definitions
        for needed in _NEEDS[chart.viz]:
            if not getattr(chart, needed):
                raise self._wrong(f"needs {needed}")
        for metric in (*chart.metrics, *chart.lines):
            if metric not in table.metrics:
                raise self._wrong(f"shows {metric}, which is no metric of {table.mart}")
        self.by = self._columns(chart.by)
        self.across = self._columns(chart.across)
        self.columns = self._columns(chart.columns)
        self.x = self._columns([chart.x])[0] if chart.x else ""
        self.order = [self._ordered(each) for each in chart.order]

    def _wrong(self, problem: str) -> SettingsError:
        return SettingsError("bi.chart", f"include/bi/dashboards: chart {self.name} {problem}.", "Correct the file; docs/bi.md has its form.")  # fmt: skip

    def _columns(self, names: Iterable[str]) -> list[str]:
        found = []
        for name in names:
            column = self.table.column(name)
            if column is None:
                raise self._wrong(f"shows {name}, which is no column of {self.table.mart}")
            found.append(column)
        return found

    def _ordered(self, each: str) -> tuple[str, bool]:
        """Column or metric, and whether the smallest comes first."""
        name = each.removeprefix("-")
        column = name if name in self.table.metrics else self._columns([name])[0]
        return column, not each.startswith("-")

    @property
    def shown(self) -> list[str]:
        """All columns and metrics that a reader sees the names of."""
        return [
            *self.chart.metrics,
            *self.chart.lines,
            *self.by,
            *self.across,
            *self.columns,
            *filter(None, [self.x]),
        ]

    @property
    def height(self) -> int:
        """In Superset's measure."""
        return self.chart.height or HEIGHTS.get(self.chart.viz, HEIGHT)

    def _format(self, name: str) -> str:
        column = self.table.columns.get(name)
        return d3_format(
            self._definitions, name, None if name in self.table.metrics or not column else column.kind
        )

    # --- what is asked ---------------------------------------------------------------------------------------

    def queries(self) -> list[Params]:
        """The queries as Superset's ``/api/v1/chart/data`` takes them."""
        chart = self.chart
        if chart.viz == "mixed":
            return [self._query([self._axis()], chart.metrics), self._query([self._axis()], chart.lines)]
        if chart.viz in _SERIES:
            return [self._query([self._axis(), *self.by], chart.metrics) | {"series_columns": self.by}]
        return [self._query([*self.by, *self.across, *self.columns], chart.metrics)]

    def _query(self, columns: list[Any], metrics: Iterable[str]) -> Params:
        asked: Params = {
            "columns": columns,
            "metrics": list(metrics),
            "filters": [],
            "extras": {"having": "", "where": f"({self.chart.where})" if self.chart.where else ""},
            "orderby": [list(each) for each in self.order],
            "row_limit": 1 if self.chart.viz == "number" else self.chart.limit,
        }
        # Rows as they are have no metrics at all, which is not the same as none of them.
        if self.chart.viz == "rows":
            del asked["metrics"]
        return asked

    def _axis(self) -> Params:
        axis: Params = {
            "columnType": "BASE_AXIS",
            "sqlExpression": self.x,
            "label": self.x,
            "expressionType": "SQL",
        }
        return axis | ({"timeGrain": "P1M"} if self._is_timed else {})

    @property
    def _is_timed(self) -> bool:
        return bool(self.x) and self.table.columns[self.x].is_date

    # --- what is drawn ---------------------------------------------------------------------------------------

    def params(self) -> Params:
        """The chart's form as Superset keeps it."""
        chart = self.chart
        where = {
            "expressionType": "SQL",
            "clause": "WHERE",
            "sqlExpression": chart.where,
            "filterOptionName": "where",
        }
        made: Params = {
            "viz_type": KINDS[chart.viz],
            "adhoc_filters": [where] if chart.where else [],
            "row_limit": chart.limit,
            "extra_form_data": {},
            "annotation_layers": [],
        }
        return made | {
            "number": self._number,
            "table": self._table,
            "rows": self._rows,
            "line": self._series,
            "bar": self._series,
            "mixed": self._mixed,
            "pivot": self._pivot,
            "pie": self._pie,
        }[chart.viz]()  # fmt: skip

    def _number(self) -> Params:
        metric = self.chart.metrics[0]
        return {
            "metric": metric,
            "header_font_size": 0.4,
            "subheader_font_size": 0.15,
            "y_axis_format": self._format(metric),
        }

    def _formats(self, names: Iterable[str]) -> Params:
        return {
            name: {"d3NumberFormat": self._format(name)}
            for name in names
            if name in self.table.metrics or self.table.columns[name].kind in ("integer", "decimal", "double")
        }

    def _table(self) -> Params:
        first = next(iter(self.order), None)
        sort: Params = {"timeseries_limit_metric": first[0], "order_desc": not first[1]} if first else {}
        return self._as_table([*self.by, *self.chart.metrics]) | {
            "query_mode": "aggregate",
            "groupby": self.by,
            "metrics": list(self.chart.metrics),
            "all_columns": [],
            "percent_metrics": [],
            **sort,
        }

    def _rows(self) -> Params:
        return self._as_table(self.columns) | {
            "query_mode": "raw",
            "groupby": [],
            "metrics": [],
            "all_columns": self.columns,
            "order_by_cols": [json.dumps(list(each)) for each in self.order],
        }

    def _as_table(self, names: Iterable[str]) -> Params:
        return {
            "column_config": self._formats(names),
            "table_timestamp_format": "%Y-%m-%d",
            "page_length": 10,
            "include_search": False,
            "show_cell_bars": True,
            "color_pn": True,
        }

    def _over(self) -> Params:
        """What charts with an axis have alike."""
        timed: Params = {
            "time_grain_sqla": "P1M",
            "x_axis_time_format": "%Y-%m",
            "tooltipTimeFormat": "%Y-%m",
        }
        return {
            "x_axis": self.x,
            "order_desc": True,
            "truncate_metric": True,
            "rich_tooltip": True,
            "show_legend": True,
            "legendOrientation": "top",
            "legendType": "scroll",
            **(timed if self._is_timed else {}),
        }

    def _series(self) -> Params:
        chart = self.chart
        made = self._over() | {
            "metrics": list(chart.metrics),
            "groupby": self.by,
            "y_axis_format": self._format(chart.metrics[0]),
            "show_legend": bool(self.by) or len(chart.metrics) > 1,
        }
        if chart.viz == "line":
            return made | {"markerEnabled": True, "markerSize": 5}
        if not self._is_timed:
            made |= self._sorted()
        return made | {
            "orientation": "horizontal" if chart.horizontal else "vertical",
            "stack": "Stack" if chart.stack else None,
        }

    def _sorted(self) -> Params:
        """Categories in the order that the chart names; bars that lie are drawn from the bottom up."""
        by, rises = self.order[0] if self.order else (self.x, True)
        rises = rises is not self.chart.horizontal
        if by != self.x and (self.by or len(self.chart.metrics) > 1):
            return {"x_axis_sort_series": "sum", "x_axis_sort_series_ascending": rises}
        return {"x_axis_sort": by, "x_axis_sort_asc": rises}

    def _mixed(self) -> Params:
        chart, own = self.chart, self._over()
        return own | {
            "metrics": list(chart.metrics),
            "groupby": [],
            "metrics_b": list(chart.lines),
            "groupby_b": [],
            "adhoc_filters_b": [
                {"expressionType": "SQL", "clause": "WHERE", "sqlExpression": chart.where, "filterOptionName": "where_b"}
            ] if chart.where else [],
            "row_limit_b": chart.limit,
            "order_desc_b": True,
            "truncate_metric_b": True,
            "seriesType": "bar",
            "seriesTypeB": "line",
            "markerEnabledB": True,
            "yAxisIndex": 0,
            "yAxisIndexB": 1,
            "y_axis_format": self._format(chart.metrics[0]),
            "y_axis_format_secondary": self._format(chart.lines[0]),
        }  # fmt: skip

    def _pivot(self) -> Params:
        return {
            "groupbyRows": self.by,
            "groupbyColumns": self.across,
            "metrics": list(self.chart.metrics),
            "metricsLayout": "COLUMNS",
            "aggregateFunction": "Sum",
            "valueFormat": self._format(self.chart.metrics[0]),
            "rowOrder": "key_a_to_z",
            "colOrder": "key_a_to_z",
            "rowTotals": False,
            "colTotals": False,
            "date_format": "%Y-%m",
        }

    def _pie(self) -> Params:
        return {
            "metric": self.chart.metrics[0],
            "groupby": self.by,
            "donut": True,
            "innerRadius": 40,
            "label_type": "key_value_percent",
            "show_labels_threshold": 2,
            "labels_outside": True,
            "label_line": True,
            "show_legend": False,
            "sort_by_metric": True,
            "number_format": self._format(self.chart.metrics[0]),
        }
