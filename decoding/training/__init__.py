"""From folders of Python source to a model folder: corpus, tokenizer, training, export. No LSP, no workspace.

The stages, each a file: `sources` → `corpus` (with `licences`, `filters`, `dedup`) → `tokenizer` → `infill` and
`examples` (what the model sees) → `loop` (with `network`, `optimizer`, `schedule`, `checkpoint`) → `evaluation` →
`export` and `card`.
"""
