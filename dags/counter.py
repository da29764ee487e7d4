"""
### Orders by day: new and changed ones, checked every few minutes

**Grain.** One run an interval of some minutes, and one when a night is published. A run looks at the orders that changed
at the source between the end of the last run's interval and the end of its own, and at those that appeared late; an
order in hand whose account or customer changed is looked at again.

**Steps.** The look-up file of the counter is made anew where the lake has new versions, so also right after a night.
Then the changed orders are read with what belongs to them, by key, and checked by the files of the rules that the night
runs (`ACC-01` to `ACC-18`). Violations, with messages in English and Chinese, stand in `ops.order_finding` until the
order is mended or ended, which is noted with the time; `ops.order_check` holds the newest look at each order.

**Hazards.** An order that cannot be read is noted as refused with its reason, its earlier findings stay open, and all
others are checked. Fees, supply points or meters that change without their order, account or customer are seen by the
next change of the order, or by the night. An order that appears at the source later than
`extract.orders_late_minutes` after its own time is left to the night. When the source is down, the run is tried again;
the next one takes up what it missed.

**Reruns.** A run may be cleared and run again: it reads from the same watermark, and for the same orders ends the same.
Of an order that a later run has looked at, an earlier one changes nothing.

**Off and on.** New DAGs are paused; switch this one on where orders are to be checked by day. `schedule.counter` sets
how often, and null turns it off.
"""

from __future__ import annotations

import datetime as dt

from airflow.sdk import Param, dag, get_current_context

from wattmark import flow


@dag(
    dag_id="counter",
    dag_display_name="Orders by day",
    description="Check new and changed orders every few minutes, as at the counter",
    doc_md=__doc__,
    schedule=flow.schedule("counter", flow.MART),
    start_date=dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
    catchup=False,
    max_active_runs=1,
    tags=["wattmark", "orders"],
    default_args=flow.DEFAULT_ARGS,
    params={
        "until": Param(
            None,
            type=["null", "string"],
            format="date-time",
            title="Up to",
            description="Take orders changed before this moment; empty: the end of the run's data interval.",
        ),
    },
)
def counter() -> None:
    """Wire the two steps."""

    @flow.task(doc_md="Make the counter's look-up file where the lake has new versions.")
    def look_up() -> str:
        from wattmark.audit.orders import renew_look_up
        from wattmark.settings import load_settings

        return renew_look_up(load_settings())

    @flow.task(pool="source", doc_md="Check the orders that changed and keep what is wrong with them.")
    def take() -> dict[str, int]:
        from wattmark.audit.orders import take_orders
        from wattmark.settings import load_settings

        settings = load_settings()
        until = flow.moment_of(get_current_context(), settings)
        return take_orders(settings, until)

    look_up() >> take()


counter()
