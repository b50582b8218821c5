"""The changes that are tried on a student's cell, in the order of how likely the mistakes are."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from . import (
    edit_axes,
    edit_indices,
    edit_loops,
    edit_names,
    edit_numbers,
    edit_operators,
    edit_order,
    edit_paths,
    edit_places,
    edit_softmax,
    edit_statements,
    edit_sums,
    edit_terms,
)
from .cell import StudentCell
from .edit import Edit

Maker = Callable[[StudentCell], Iterator[Edit]]

# The likelier cause first; of two changes that both mend a cell the first is named.
LIKELY: tuple[Maker, ...] = (
    edit_terms.signs,
    edit_axes.sums,
    edit_axes.transposes,
    edit_axes.letters,
    edit_axes.joins,
    edit_statements.parts,
    edit_statements.batches,
    edit_loops.rounds,
    edit_loops.kept_rounds,
    edit_loops.order,
    edit_indices.loop_indices,
    edit_indices.one_place,
    edit_indices.indices,
    edit_indices.everywhere,
    edit_statements.starts,
    edit_statements.too_early,
    edit_numbers.epsilons,
    edit_numbers.powers,
    edit_places.copies,
    edit_places.diagonals,
    edit_places.complements,
    edit_paths.averaged_paths,
    edit_softmax.not_normalised,
    edit_softmax.missing_sums,
    edit_terms.surplus_factors,
    edit_names.one,
    edit_operators.inverses,
    edit_names.names,
    edit_names.swapped,
    edit_terms.surplus_terms,
    edit_names.ones,
    edit_paths.multiplied_paths,
    edit_paths.sums_multiplied,
    edit_paths.side_by_side,
    edit_numbers.sizes,
    edit_operators.operators,
    edit_terms.product_rule,
    edit_terms.missing_numbers,
    edit_names.values,
    edit_operators.brackets,
    edit_sums.sums_too_early,
    edit_sums.products_of_sums,
    edit_sums.sums_multiplied,
    edit_sums.sums_too_late,
    edit_sums.factors_elsewhere,
    edit_order.functions,
    edit_order.swapped_entries,
    edit_statements.assignments,
    edit_numbers.numbers,
)
# Of each of these there are hundreds for one cell.
MANY: tuple[Maker, ...] = (
    edit_terms.missing_powers,
    edit_terms.missing_factors,
    edit_axes.missing_sums,
    edit_terms.missing_divisors,
    edit_operators.narrow_powers,
    edit_names.derivatives,
    edit_names.of_gradients,
    edit_terms.shares,
    edit_terms.wrong_factors,
    edit_terms.missing_terms,
    edit_names.own_names,
    edit_names.other_names,
    edit_names.calls,
    edit_names.replaced,
)
