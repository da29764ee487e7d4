"""The sample utility: an invented utility on a real network, clean by construction or with known faults."""

from wattmark.sample.faults import Truth
from wattmark.sample.generate import SampleSummary, generate, write_truth
from wattmark.sample.plan import SampleError, SamplePlan
from wattmark.sample.sinks import DatabaseSink, FolderSink, Sink

__all__ = [
    "DatabaseSink",
    "FolderSink",
    "SampleError",
    "SamplePlan",
    "SampleSummary",
    "Sink",
    "Truth",
    "generate",
    "write_truth",
]
