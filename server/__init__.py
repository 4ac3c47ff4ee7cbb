"""fairlead behind LSP and the command line."""
