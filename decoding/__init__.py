"""Tokens and tensors: guided decoding. No LSP."""
