"""Text and static analysis: what may be written next. No torch, no editor."""
