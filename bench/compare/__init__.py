"""Runs Holdfast and its peers side by side and writes what was measured. Started by bench/run."""
