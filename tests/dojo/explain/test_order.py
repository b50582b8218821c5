"""Every change that the edit modules know is tried, once."""

from __future__ import annotations

import inspect

from autograder.dojo.explain import order


def test_every_public_maker_of_changes_is_in_the_order_once():
    modules = [value for name, value in vars(order).items() if name.startswith("edit_") and inspect.ismodule(value)]
    makers = {
        function
        for module in modules
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__ and not name.startswith("_")
        if inspect.signature(function).return_annotation == "Iterator[Edit]"
    }
    assert len(modules) == 13
    tried = (*order.LIKELY, *order.MANY)
    # A statement that is done twice is looked for by `assignments`.
    assert makers - set(tried) == {order.edit_statements.repeats}
    assert len(set(tried)) == len(tried)
