"""Record the operations of a run of a submission, and run them again with other upstream gradients.

Step by step, every d-variable must be replaced by a random gradient once it is there, before anything uses it. Between
cells that is easy. Inside a function, a loop or one long statement it is not: so the run is written down as PyTorch's
own operations, which are the same however the code is laid out, and those are replayed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

# More than any derivation needs: a loop over each number of the largest tensor of exercise 1 has some 20,000.
MAX_OPERATIONS = 100_000
MAX_BYTES = 2**28  # of the tensors that are kept while a run is written down
MAX_ALIASES = 2_000  # nodes that are compared with a d-variable's value


@dataclass(frozen=True)
class Node:
    """One tensor of a run, by its number."""

    number: int


@dataclass(frozen=True)
class Operation:
    """One operation. arguments, results: as PyTorch has them, with a Node in the place of every tensor."""

    function: Callable[..., Any]
    arguments: tuple[Any, Any]
    results: Any

    @property
    def name(self) -> str:
        """PyTorch's name for it, such as "aten::add"."""
        return str(getattr(self.function, "_schema").name)  # noqa: B009


class Tape(TorchDispatchMode):
    """Writes down every operation while it is the mode in force.

    A tensor that no operation has made (a value of the forward pass, one that came from NumPy) is an input.
    given: the names of the case, whose tensors are inputs that come from nowhere else.
    """

    def __init__(self, given: Mapping[str, Any]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.operations: list[Operation] = []
        self.tensors: list[torch.Tensor] = []  # kept, so that no other tensor gets the identity of one of them
        self.inputs: dict[int, torch.Tensor] = {}  # by node, as they were when they were first used
        self.first_seen: dict[int, int] = {}  # by node, the number of operations before it
        self.broken = False
        self._given = {id(value): value for value in given.values() if isinstance(value, torch.Tensor)}
        self._numbers: dict[int, int] = {}
        self._last_write: dict[int, int] = {}  # by storage, the operation that wrote to it last
        self._bytes = 0

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Return False, so that PyTorch does not import its compiler, which takes over a second in every fork."""
        return False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run one operation and write it down."""
        kwargs = kwargs or {}
        if self.broken:
            return func(*args, **kwargs)
        arguments = _mapped(self._input, (args, kwargs))
        results = func(*args, **kwargs)
        for position, argument in enumerate(func._schema.arguments):
            if argument.alias_info is not None and argument.alias_info.is_write:
                written = args[position] if position < len(args) else kwargs.get(argument.name)
                _mapped(self._wrote, written)
        described = _mapped(self._result, results)
        self.operations.append(Operation(func, arguments, described))
        self.broken = len(self.operations) >= MAX_OPERATIONS or self._bytes > MAX_BYTES
        return results

    def node(self, tensor: torch.Tensor) -> int:
        """Return the node of a tensor that the run holds; it becomes an input where no operation has seen it."""
        return self._number(tensor, is_input=True)

    def is_given(self, node: int) -> bool:
        """Return whether a node is a tensor of the case."""
        return id(self.tensors[node]) in self._given

    def complete(self, node: int) -> int:
        """Return the number of operations after which nothing writes to the node's memory any more."""
        made = self.first_seen[node]
        return max(made, self._last_write.get(storage_of(self.tensors[node]), -1) + 1)

    def _input(self, tensor: torch.Tensor) -> Node:
        return Node(self._number(tensor, is_input=True))

    def _result(self, tensor: torch.Tensor) -> Node:
        return Node(self._number(tensor, is_input=False))

    def _wrote(self, tensor: torch.Tensor) -> None:
        self._last_write[storage_of(tensor)] = len(self.operations)

    def _number(self, tensor: torch.Tensor, *, is_input: bool) -> int:
        number = self._numbers.get(id(tensor))
        if number is None:
            number = self._numbers[id(tensor)] = len(self.tensors)
            self.tensors.append(tensor)
            self._bytes += tensor.numel() * tensor.element_size()
            self.first_seen[number] = len(self.operations) + (0 if is_input else 1)
            if is_input:
                self.inputs[number] = _copy(tensor)
        return number


def replay(
    tape: Tape, held: Mapping[str, torch.Tensor], upstream: Mapping[str, torch.Tensor]
) -> dict[str, torch.Tensor]:
    """Run the operations again, and give each d-variable its upstream gradient as soon as it is complete.

    held: the tensor that each d-variable held in the run. upstream: by d-variable. Returns what each of them held
    before it was replaced; without those that could not be computed again.
    """
    nodes = {name: tape.node(tensor) for name, tensor in held.items()}
    before = {name: _same_value(tape, node, set(nodes.values())) for name, node in nodes.items()}
    only = {name: (node,) for name, node in nodes.items()}
    found, watched = _replayed(tape, only, upstream, {node for same in before.values() for node in same})
    # A d-variable that is made again, `dx = dx.clone()`, was complete when it first had its value; but not where that
    # is a coincidence, such as a path that adds nothing because an earlier gradient is wrong.
    again = {
        name: [node for node in same if name in found and _equal(watched.get(node), found[name])]
        for name, same in before.items()
    }
    if not any(again.values()):
        return found
    return _replayed(tape, {name: (*again[name], node) for name, node in nodes.items()}, upstream, set())[0]


def _replayed(
    tape: Tape, nodes: Mapping[str, Sequence[int]], upstream: Mapping[str, torch.Tensor], watched: set[int]
) -> tuple[dict[str, torch.Tensor], dict[int, torch.Tensor]]:
    """Replay with these nodes, in order, as those that hold each d-variable.

    Returns the value of each d-variable, and of each watched node when it was complete.
    """
    due: dict[int, list[tuple[str, int]]] = {}
    for name, several in nodes.items():
        for node in several:
            due.setdefault(tape.complete(node), []).append((name, node))
    for node in watched:
        due.setdefault(tape.complete(node), []).append(("", node))
    values: dict[int, Any] = {node: _copy(tensor) for node, tensor in tape.inputs.items()}
    found: dict[str, torch.Tensor] = {}
    seen: dict[int, torch.Tensor] = {}
    replaced: dict[int, torch.Tensor] = {}

    def settle(position: int) -> None:
        for name, node in due.get(position, ()):
            value = values.get(node)
            if not isinstance(value, torch.Tensor):
                continue
            if not name:
                seen[node] = _copy(value)
                continue
            found.setdefault(name, _copy(value))
            if name in upstream:
                given, shape = upstream[name].clone(), tape.tensors[node].shape
                replaced[node] = given.reshape(shape) if given.numel() == shape.numel() else given

    def now(node: Node) -> Any:
        if node.number in replaced:
            return replaced[node.number]
        return values[node.number]  # KeyError where it could not be computed

    settle(0)
    for position, operation in enumerate(tape.operations, start=1):
        try:
            args, kwargs = _mapped(now, operation.arguments, Node)
            results = operation.function(*args, **kwargs)
        except Exception:  # with other numbers and shapes anything may fail: what follows from it is left out
            results = None
        _bind(operation.results, results, values)
        settle(position)
    return found, seen


def _same_value(tape: Tape, node: int, finals: set[int]) -> list[int]:
    """Return the nodes that held the same numbers before a d-variable's node was complete, and are no d-variable.

    Zeros may be anything, such as the indices of a scatter, and whole numbers are no gradient.
    """
    tensor, before = tape.tensors[node], tape.complete(node)
    if not tensor.is_floating_point() or not tensor.any():
        return []
    alike = [
        number
        for number, other in enumerate(tape.tensors)
        if number not in finals
        and number not in tape.inputs
        and other.layout == torch.strided
        and other.shape == tensor.shape
        and other.dtype == tensor.dtype
        and tape.first_seen[number] < before
    ]
    return [number for number in alike[-MAX_ALIASES:] if torch.equal(tape.tensors[number], tensor)]


def _equal(one: torch.Tensor | None, other: torch.Tensor) -> bool:
    return one is not None and one.shape == other.shape and torch.equal(one, other)


def _mapped(change: Callable[[Any], Any], value: Any, kind: type = torch.Tensor) -> Any:
    """Apply `change` to each value of a kind in nested arguments or results; PyTorch's own tree_map is slower."""
    if isinstance(value, kind):
        return change(value)
    if type(value) in (list, tuple):
        return type(value)([_mapped(change, part, kind) for part in value])
    if type(value) is dict:
        return {name: _mapped(change, part, kind) for name, part in value.items()} if value else value
    return value


def _bind(described: Any, results: Any, values: dict[int, Any]) -> None:
    """Give the nodes of an operation's results their new tensors; forget those that could not be computed."""
    if isinstance(described, Node):
        if isinstance(results, torch.Tensor):
            values[described.number] = results
        else:
            values.pop(described.number, None)
    elif isinstance(described, list | tuple):
        several: Sequence[Any] = results if isinstance(results, list | tuple) else [None] * len(described)
        for one, result in zip(described, several, strict=False):
            _bind(one, result, values)


def _copy(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.detach().clone(memory_format=torch.preserve_format)


def storage_of(tensor: torch.Tensor) -> int:
    """Return a number that tensors have in common which share their memory; a sparse one shares it with none."""
    return int(tensor.untyped_storage()._cdata) if tensor.layout == torch.strided else -id(tensor)
