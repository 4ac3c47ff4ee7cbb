"""What tree-sitter is asked about scopes: every identifier that binds, by how it does."""

from __future__ import annotations

from tree_sitter import Query

from .syntax import PYTHON_GRAMMAR

BINDINGS = Query(
    PYTHON_GRAMMAR,
    """
    [(function_definition) (class_definition) (lambda) (list_comprehension) (set_comprehension)
     (dictionary_comprehension) (generator_expression)] @scope
    (function_definition name: (identifier) @function)
    (class_definition name: (identifier) @class)
    (assignment left: (identifier) @bind)
    (augmented_assignment left: (identifier) @bind)
    (pattern_list (identifier) @bind)
    (tuple_pattern (identifier) @bind)
    (list_pattern (identifier) @bind)
    (list_splat_pattern (identifier) @bind)
    (dictionary_splat_pattern (identifier) @bind)
    (named_expression name: (identifier) @walrus)
    (for_statement left: (identifier) @bind)
    (for_in_clause left: (identifier) @bind)
    (as_pattern_target (identifier) @bind)
    (as_pattern_target (tuple (identifier) @bind))
    (as_pattern_target (tuple (list_splat (identifier) @bind)))
    (as_pattern_target (tuple (tuple (identifier) @bind)))
    (as_pattern_target (list (identifier) @bind))
    (except_clause value: (as_pattern alias: (as_pattern_target (identifier) @except)))
    (import_statement name: (dotted_name . (identifier) @import))
    (aliased_import alias: (identifier) @import)
    (import_from_statement name: (dotted_name . (identifier) @import))
    (future_import_statement name: (dotted_name . (identifier) @import))
    (parameters (identifier) @parameter)
    (lambda_parameters (identifier) @parameter)
    (default_parameter name: (identifier) @parameter)
    (typed_parameter . (identifier) @parameter)
    (typed_parameter (list_splat_pattern (identifier) @parameter))
    (typed_parameter (dictionary_splat_pattern (identifier) @parameter))
    (typed_default_parameter name: (identifier) @parameter)
    (type_parameter (type (identifier) @typevar))
    (type_parameter (type (splat_type (identifier) @typevar)))
    (type_parameter (type (constrained_type . (type (identifier) @typevar))))
    (type_alias_statement left: (type (identifier) @bind))
    (type_alias_statement left: (type (generic_type . (identifier) @bind)))
    (case_pattern (dotted_name . (identifier) @bind .))
    (keyword_pattern (dotted_name . (identifier) @bind .))
    (union_pattern (dotted_name . (identifier) @bind .))
    (case_pattern (as_pattern (identifier) @bind))
    (splat_pattern (identifier) @bind)
    (global_statement (identifier) @global)
    (nonlocal_statement (identifier) @bind)
    (delete_statement (identifier) @del)
    (delete_statement (expression_list (identifier) @del))
    """,
)

STARS = Query(PYTHON_GRAMMAR, "(wildcard_import) @star")

MAGIC = Query(
    PYTHON_GRAMMAR,
    """(call function: (identifier) @name (#any-of? @name "exec" "globals" "locals" "vars")) @call""",
)
