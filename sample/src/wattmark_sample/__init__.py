"""The sample utility: an invented utility on a real network, clean by construction or with known faults."""

from wattmark.sample.faults import Truth
from wattmark.sample.generate import SampleSummary, generate
from wattmark.sample.plan import SampleError, SamplePlan
from wattmark.sample.sinks import DatabaseSink, FolderSink, Sink
from wattmark.sample.truth import read_truth, truth_file, write_truth

__all__ = [
    "DatabaseSink",
    "FolderSink",
    "SampleError",
    "SamplePlan",
    "SampleSummary",
    "Sink",
    "Truth",
    "generate",
    "read_truth",
    "truth_file",
    "write_truth",
]
