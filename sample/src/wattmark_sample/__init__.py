"""The sample utility: an invented utility on a real network, clean by construction or with known faults."""

from wattmark_sample.faults.registry import Truth
from wattmark_sample.generate import SampleSummary, generate
from wattmark_sample.plan import SampleError, SamplePlan
from wattmark_sample.sinks import DatabaseSink, FolderSink, Sink
from wattmark_sample.truth import read_truth, truth_file, write_truth

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
