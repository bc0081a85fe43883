"""Records of runs, and what is made of them: tables and plots."""

from mmdense.records.record_hook import RecordHook

__all__ = ["RecordHook"]
