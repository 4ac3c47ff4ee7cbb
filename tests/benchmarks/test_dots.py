"""The benchmark's scores on pairs made by hand, and what it takes for an access."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from .loading import BENCHMARKS, load

metrics = load("dots_metrics")
dataset = load("dots_dataset")
check = load("dots_check")
rows = load("dots_rows")

HEAD = "result = box."
TRUE = "items(key)[0].size + 1"


@pytest.mark.parametrize(
    ("written", "nim", "ism", "pm"),
    [
        (TRUE, 1, 1, 1),
        ("items(key)[0].size + 1\nother()", 1, 1, 1),
        ("items( key ) [0] .size+1  # why", 1, 1, 1),
        ("items(key)[1].size + 1", 1, 1, 5 / 11),
        ("items(other)[0].size + 1", 1, 1 / 3, 2 / 11),
        ("items", 1, 1 / 3, 1 / 11),
        ("item(key)[0].size + 1", 0, 0, 0),
        ("", 0, 0, 0),
        ("items(key", 1, 2 / 3, 3 / 11),
        ("items(key)[0].size + 1 + 2", 1, 1, 1),
        ("items('never closed", 1, 1 / 3, 2 / 11),
    ],
)
def test_a_statement_is_scored_up_to_its_first_wrong_token(written: str, nim: float, ism: float, pm: float) -> None:
    assert metrics.scores(HEAD, TRUE, written) == pytest.approx((nim, ism, pm))


def test_keywords_are_tokens_but_no_identifiers() -> None:
    head, true = "if self.", "done and not other:"
    assert metrics.scores(head, true, "done and other:") == pytest.approx((1.0, 1.0, 2 / 5))


def test_brackets_opened_before_the_cursor_are_known() -> None:
    """A newline within them does not end the statement, and a closing one is no fault."""
    head = "call(a.b, c."
    assert metrics.end_of_statement(head, "d,\n    e)\nnext()") == len("d,\n    e)")
    assert metrics.scores(head, "d,\n    e)", "d, e)") == (1.0, 1.0, 1.0)


@pytest.mark.parametrize(
    ("head", "text", "end"),
    [
        ("x.", "name", None),
        ("x.", "name\n", 4),
        ("x.", "name  # a comment\ny", 17),
        ("x.", "name(\n", None),
        ("x.", "name(\n)\n", 7),
        ("x.", "name \\\n  + 1\nrest", 12),
        ("x.", 'name("""\n', None),
        ("x.", 'name("""\n""")\n', 13),
        ("if x.", "name:\n    pass\n", 5),
        ("x.", "\n", 0),
    ],
)
def test_a_statement_ends_with_its_logical_line(head: str, text: str, end: int | None) -> None:
    assert metrics.end_of_statement(head, text) == end


def test_score_at_one_is_the_mean_and_at_all_the_best() -> None:
    values = [0.0, 0.5, 0.25, 1.0, 0.0, 0.0]
    assert metrics.score_at(1, values) == pytest.approx(sum(values) / 6)
    assert metrics.score_at(6, values) == 1.0


def test_score_at_k_is_the_expected_best_of_k_draws() -> None:
    """For zeros and ones that is pass@k: 1 - C(wrong, k) / C(n, k)."""
    for k in range(1, 7):
        wanted = 1 - math.comb(4, k) / math.comb(6, k)
        assert metrics.score_at(k, [1, 0, 0, 1, 0, 0]) == pytest.approx(wanted)


def test_the_interval_holds_the_mean_and_comes_out_the_same_again() -> None:
    values, clusters = [0.0, 1.0, 1.0, 0.0, 1.0, 1.0], ["a", "a", "b", "b", "c", "d"]
    found = metrics.bootstrap(values, clusters)
    assert found.mean == pytest.approx(4 / 6)
    assert found.low < found.mean < found.high
    assert found == metrics.bootstrap(values, clusters)


def test_equal_values_have_no_width_and_one_cluster_says_nothing_more() -> None:
    assert metrics.bootstrap([1.0] * 5, list("abcde")) == metrics.Interval(1.0, 1.0, 1.0)
    assert metrics.bootstrap([0.0, 1.0], ["a", "a"]) == metrics.Interval(0.5, 0.5, 0.5)
    assert math.isnan(metrics.bootstrap([], []).mean)


def test_dependent_values_make_the_interval_wider() -> None:
    values = [0.0] * 20 + [1.0] * 20
    apart = metrics.bootstrap(values, [str(i) for i in range(40)])
    together = metrics.bootstrap(values, [str(i // 10) for i in range(40)])
    assert together.high - together.low > 1.5 * (apart.high - apart.low)


def test_ranks_that_are_missing_count_as_lost() -> None:
    assert metrics.ranking_scores([1, 2, 10, None]) == pytest.approx((1 / 4, 2 / 4, (1 + 1 / 2 + 1 / 10) / 4))


FILE = '''"""A module with ... dots and 1.5 in it."""
import os.path


class Box:
    def long(self, key):
        """See self.other."""
        value = self.items[key].size  # self.comment
        text = f"{self.shown} {value}"
        if (value and
                os.path.exists("a.b")):
            return ...
        return text.upper(
        ).lower()

    def short(self):
        return self.items


def many(box):
    x = box.a
    x = box.b
    x = box.c
    x = box.d
    x = box.e
    return x
'''


def accesses() -> list[list[Any]]:
    return list(dataset.accesses_of(dataset.Source("pkg/box.py", FILE), "pkg"))


def test_accesses_stand_in_code_of_functions_long_enough() -> None:
    """No strings, comments, f-strings, imports and short functions; the docstring is not the body."""
    found = {each[0].function: [access.name for access in each] for each in accesses()}
    assert found == {
        "pkg/box.py:Box.long": ["items", "size", "path", "exists", "upper", "lower"],
        "pkg/box.py:many": ["a", "b", "c", "d", "e"],
    }


def test_an_access_is_cut_behind_its_dot_and_the_file_goes_on_behind_the_statement() -> None:
    source = dataset.Source("pkg/box.py", FILE)
    exists = next(access for each in accesses() for access in each if access.name == "exists")
    assert source.head(exists) == "if (value and\n                os.path."
    assert source.true(exists) == 'exists("a.b")):'
    assert "                os.path.\n            return ...\n" in source.cut(exists)
    assert exists.id == "pkg/box.py:11:25"
    assert FILE.splitlines()[10][24:].startswith("exists")


def test_few_are_spread_evenly() -> None:
    assert dataset.spread(list(range(100)), 4) == [0, 33, 66, 99]
    assert dataset.spread([1, 2], 4) == [1, 2]


def test_a_smaller_sample_is_part_of_a_larger_one() -> None:
    every = [access for each in accesses() for access in each]
    small, large = dataset.sample(every, 3), dataset.sample(every, 6)
    assert len(small) == 3
    assert {access.id for access in small} < {access.id for access in large}
    assert dataset.sample(every, 1000) == every


def test_requirements_below_the_line_are_not_measured() -> None:
    text = "# why\none==1.0  # first kind\ntwo==2.1\n# dependencies: not these\nthree==3.0\n"
    assert dataset.measured(text) == [("one==1.0", "first kind"), ("two==2.1", "")]


def test_the_list_of_packages_is_pinned() -> None:
    lines = (BENCHMARKS / "dots-packages.txt").read_text().splitlines()
    assert all("==" in line for line in lines if not line.startswith("#"))
    assert len(dataset.measured("\n".join(lines))) >= 10


def test_no_measured_package_is_in_the_card_of_the_default_model() -> None:
    card = (BENCHMARKS.parent / "decoding/models/fairlead-python-8m/README.md").read_text().lower()
    listed = {word.strip(" .`*\n") for word in card.replace(",", " ").split()}
    names = [name.partition("==")[0].lower() for name, _ in dataset.measured((BENCHMARKS / "dots-packages.txt").read_text())]
    assert not listed & set(names)


def diagnostic(message: str, rule: str = "reportAttributeAccessIssue", line: int = 11) -> dict[str, Any]:
    return {"rule": rule, "message": message, "line": line, "column": 1}


def test_only_what_is_unknown_and_new_in_the_statement_counts() -> None:
    source = dataset.Source("pkg/box.py", FILE)
    access = next(access for each in accesses() for access in each if access.name == "exists")
    old, new = diagnostic("A is unknown"), diagnostic("B is unknown")
    elsewhere, other = diagnostic("C is unknown", line=20), diagnostic('"int" is not assignable to "str"')
    known = [old, diagnostic("B is unknown", line=20)]
    assert check.new_faults(access, source, "x)\n", [old, new, elsewhere, other], known) == [new]


def test_where_the_checker_refuses_even_the_truth_it_does_not_count() -> None:
    source = dataset.Source("pkg/box.py", FILE)
    access = next(access for each in accesses() for access in each if access.name == "exists")
    here = {"line": access.line, "column": access.column}
    true = {**diagnostic('"exists" of "str" is unknown'), **here}
    written = {**diagnostic('"isfile" of "str" is unknown'), **here}
    later = {**written, "column": access.column + 9}
    assert check.new_faults(access, source, "isfile.other)\n", [written, later], [true]) == [later]
    assert check.new_faults(access, source, "isfile.other)\n", [written, later], []) == [written, later]


@pytest.mark.parametrize(
    ("rule", "message", "kind"),
    [
        ("reportAttributeAccessIssue", 'Cannot access attribute "x" for class "A"\n  Attribute "x" is unknown', "attribute"),
        ("reportAttributeAccessIssue", '"x" is not a known attribute of module "os"', "attribute"),
        ("reportAttributeAccessIssue", '"x" is unknown import symbol', "import"),
        ("reportAttributeAccessIssue", 'Cannot assign to attribute "x"\n  "int" is not assignable to "str"', None),
        ("reportUndefinedVariable", '"x" is not defined', "name"),
        ("reportCallIssue", 'No parameter named "x"', "argument"),
        ("reportMissingImports", 'Import "x" could not be resolved', "import"),
    ],
)
def test_what_the_checker_says_is_sorted_by_what_is_unknown(rule: str, message: str, kind: str | None) -> None:
    assert check.kind_of({"rule": rule, "message": message}) == kind


def test_a_variant_is_the_file_with_another_statement() -> None:
    source = dataset.Source("pkg/box.py", FILE)
    access = next(access for each in accesses() for access in each if access.name == "exists")
    assert check.parses(check.Variant(source, access, "isfile(key)):").whole)
    assert not check.parses(check.Variant(source, access, "isfile(key)").whole)
    assert check.Variant(source, access, source.true(access)).whole == FILE


def test_results_are_found_again_and_only_for_the_code_that_made_them(tmp_path: Path) -> None:
    path = tmp_path / "new" / "rows.jsonl"
    kept = rows.Rows(path)
    kept.add("v1", ("gate", "a:1:2"), {"closed": True})
    path.write_text(path.read_text() + '{"code": "v1", "key": ["gate", "b"')  # killed while it wrote
    again = rows.Rows(path)
    assert again.find("v1", "gate", "a:1:2")["closed"] is True
    assert again.find("v2", "gate", "a:1:2") is None
    assert again.find("v1", "gate", "b") is None


def test_a_fingerprint_changes_with_the_code(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("1")
    before = rows.fingerprint(tmp_path)
    assert before == rows.fingerprint(tmp_path)
    (tmp_path / "b.py").write_text("")
    assert rows.fingerprint(tmp_path) != before
