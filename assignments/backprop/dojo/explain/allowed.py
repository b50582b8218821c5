"""The operations on tensors that are evaluated, by how large their result may be, and their named arguments."""

from __future__ import annotations

# Their result has no more elements than their arguments have when they are broadcast together.
_SAME_SIZE = (
    "abs absolute acos add addcmul all amax amin any argmax argmin argsort asin atan atan2 bool ceil "
    "clamp clamp_min clamp_max clone contiguous cos cosh count_nonzero cpu cumsum detach diagonal "
    "dim div divide double trace eq erf erfc exp exp2 expm1 flatten flip fliplr flipud float floor gather "
    "ge gelu greater gt index_add int isfinite isinf isnan item le "
    "leaky_relu less lerp log log10 log1p log2 log_softmax logaddexp logical_and logical_not logical_or "
    "logsigmoid logsumexp long lt masked_fill max maximum mean min minimum movedim moveaxis mul multiply "
    "nan_to_num ndimension ne neg negative nelement norm normalize not_equal numel permute pow prod ravel "
    "reciprocal relu reshape reshape_as roll round rsqrt scatter scatter_add select sigmoid sign silu sin "
    "sinh size softmax softplus sort sqrt square squeeze stack cat concat concatenate std sub "
    "subtract sum sum_to_size swapaxes swapdims t take_along_dim tan tanh to topk transpose "
    "tril triu true_divide trunc type_as unsqueeze var view view_as where abs_ add_ clamp_ "
    "copy_ div_ exp_ fill_ index_add_ log_ masked_fill_ mul_ neg_ pow_ "
    "relu_ scatter_ scatter_add_ sigmoid_ sign_ sqrt_ square_ squeeze_ sub_ tanh_ unsqueeze_ zero_ "
    "binary_cross_entropy mse_loss zeros_like ones_like full_like empty_like "
    "ndtr expit logit elu selu softsign heaviside clip hypot cumprod vector_norm vecdot "
)
NO_LARGER = frozenset(_SAME_SIZE.split())
APART = frozenset(["chunk", "split", "tensor_split", "unbind"])
PRODUCTS = frozenset(["matmul", "mm", "bmm", "mv", "dot", "linear", "addmm", "baddbmm"])
SQUARE = frozenset(["inv", "inverse", "det"])
FILLED = frozenset(["zeros", "ones", "full", "eye", "new_zeros", "new_ones", "new_full", "empty", "new_empty"])
INDEXED = frozenset(["index_put", "index_put_", "index_copy", "index_copy_", "index_select"])
GROWING = frozenset(
    ["repeat", "tile", "expand", "broadcast_to", "repeat_interleave", "one_hot", "diag", "diag_embed", "bincount"]
)
IMAGES = frozenset(["fold", "unfold", "pad", "conv2d", "conv_transpose2d", "avg_pool2d", "max_pool2d"])
OTHERS = frozenset(["outer", "einsum", "arange", "expand_as", "tensor", "as_tensor", "unflatten"])
ALLOWED = frozenset().union(NO_LARGER, APART, PRODUCTS, SQUARE, FILLED, INDEXED, GROWING, IMAGES, OTHERS)
_WORDS = (
    "dim axis keepdim keepdims dtype device accumulate unbiased correction min max num_classes alpha value "
    "approximate reduction dim0 dim1 dims index source src other input descending "
    "kernel_size output_size stride padding mode minlength "
)
WORDS = frozenset(_WORDS.split())
TEXTS = ("constant", "none", "mean", "sum", "tanh", "ij")  # of reduction, approximate and the like
