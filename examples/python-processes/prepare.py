"""Prepares what the web process serves."""

import pathlib

pathlib.Path("greeting.txt").write_text("hello\n")
print("prepared")
