"""What a function's text says about the types of its parameters and its result."""

from __future__ import annotations

import pytest

from fairlead.monitors.slot_places import slots
from fairlead.monitors.syntax import fresh_tree
from fairlead.monitors.type_rules import decided
from fairlead.monitors.uses import FunctionUses, documented_types, uses, words


def uses_of(text: str) -> FunctionUses:
    node = fresh_tree(text).root_node.named_children[-1]
    return uses(node.child_by_field_name("definition") or node if node.type == "decorated_definition" else node)


@pytest.mark.parametrize(("body", "token"), [
    ("p.name", "attr:name"),
    ("p.read()", "call:read"),
    ("p.name = 1", "store:name"),
    ("p['a']", "getitem:str"),
    ("p[0] = 1", "setitem:int"),
    ("p[1:]", "getitem:slice"),
    ("x[p]", "index"),
    ("for a in p: pass", "iter"),
    ("for a, b in p: pass", "iter2"),
    ("[a for a in p]", "iter"),
    ("p()", "call()"),
    ("open(p, 'r')", "arg:open:0"),
    ("f(size=p)", "kw:size"),
    ("isinstance(p, (int, lib.Path))", "isinstance:Path"),
    ("p + 1", "opl:+:int"),
    ("'a' % p", "opr:%:str"),
    ("p is None", "cmp:is None"),
    ("p == 'a'", "cmp:==:str"),
    ("p < 1", "cmp:<:int"),
    ("p in ('a', 'b')", "cmp:in:tuple"),
    ("'a' in p", "cmp:contains:str"),
    ("f'{p}'", "fstr"),
    ("if not p: pass", "bool"),
    ("p or {}", "or:dict"),
    ("self.size = p", "as:size"),
    ("a, b = p", "unpack2"),
    ("p = Path(p)", "re:call:Path"),
    ("f(*p)", "star"),
    ("f(**p)", "dstar"),
    ("raise p", "raised"),
    ("(lambda: p.deep)", "attr:deep"),
])  # fmt: skip
def test_a_use_and_its_token(body: str, token: str) -> None:
    found = uses_of(f"def f(p):\n    {body}\n")
    assert token in [use.token for use in found.parameters["p"]]
    assert all(use.line0 == 1 for use in found.parameters["p"] if use.token == token)


@pytest.mark.parametrize(("body", "token"), [
    ("return", "ret:bare"),
    ("return None", "ret:None"),
    ("return 'a' if x else None", "ret:None"),
    ("return a == b", "ret:bool"),
    ("return not a", "ret:bool"),
    ("return Path(a)", "ret:call:Path"),
    ("return a, b", "ret:tuple2"),
    ("return self", "ret:=self"),
    ("out = {}\n    return out", "ret:dict"),
    ("return ['a']", "ret:list[str]"),
    ("yield 1", "yield:int"),
    ("yield from x", "yieldfrom:=name"),
    ("print(a)", "nothing returned"),
    ("...", "stub body"),
    ("def inner():\n        return 1", "nothing returned"),
])  # fmt: skip
def test_a_result_and_its_token(body: str, token: str) -> None:
    assert token in [use.token for use in uses_of(f"def f(a, b):\n    {body}\n").returns]


DOCUMENTED = '''
def f(a, b, c, d, e):
    """Do it.

    :param str a: first
    :type b: lib.Widget or None

    Args:
        c (list[int], optional): third

    Parameters
    ----------
    d : string, optional

    Returns:
        bool: whether
    """
    return x
'''


def test_docstrings_of_three_styles() -> None:
    found = uses_of(DOCUMENTED)
    said = {name: [use.detail for use in used if use.token.startswith("doc:")] for name, used in found.parameters.items()}
    assert said == {"a": ["str"], "b": ["Widget", "None"], "c": ["list[int]"], "d": ["str"], "e": []}
    assert [use.detail for use in found.returns if use.token.startswith("doc:")] == ["bool"]


def test_words() -> None:
    assert words("fromHTTPResponse2_raw") == ["from", "http", "response", "2", "raw"]
    assert documented_types(":class:`~lib.Widget`, optional") == ["Widget"]
    assert documented_types("list of strings or None") == ["list[str]", "None"]
    assert documented_types("dict[str, int], optional") == ["dict[str, int]"]


@pytest.mark.parametrize(("text", "name", "rule"), [
    ("def f(flag=True): ...", "flag", "bool"),
    ("def f(*flag): ...", "flag", ""),
    ("def f(n=1): ...", "n", ""),
    ("def f(x):\n    print(x)", "f", "None"),
    ("def f(x):\n    if x:\n        return\n    return None", "f", "None"),
    ("def f(x):\n    if x:\n        return 1", "f", ""),
    ("def f(x):\n    yield 1", "f", ""),
    ("def f(x): ...", "f", ""),
    ("def f(x):\n    '''To be overridden.'''", "f", ""),
    ("def f(x):\n    raise NotImplementedError", "f", ""),
    ("@abstractmethod\ndef f(x):\n    print(x)", "f", ""),
    ("@contextmanager\ndef f(x):\n    print(x)", "f", ""),
    ("def __len__(self):\n    return len(self.x)", "__len__", "int"),
    ("async def f(x):\n    await x", "f", "None"),
])  # fmt: skip
def test_what_needs_no_model(text: str, name: str, rule: str) -> None:
    slot = next(slot for slot in slots(text) if slot.name == name)
    assert decided(slot, uses_of(text)) == rule
