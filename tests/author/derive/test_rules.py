from autograder.author.derive.rules import RULES

# What the authors' guide promises; each is held against autograd in the tests of its module.
PROMISED = {
    *(
        "add",
        "sub",
        "mul",
        "div",
        "pow",
        "neg",
        "matmul",
        "sum",
        "mean",
        "max",
        "exp",
        "log",
        "tanh",
        "sigmoid",
        "relu",
    ),
    *("clamp", "maximum", "softmax", "log_softmax", "reshape", "transpose", "permute", "T", "mT", "index", "gather"),
    *("embedding", "cat", "stack", "where", "masked_fill", "cross_entropy", "nll_loss", "mse_loss", "bce_with_logits"),
    *(
        "amax",
        "chosen",
        "var",
        "std",
        "part",
        "einsum",
        "linear",
        "expand",
        "logsumexp",
        "layer_norm",
        "sqrt",
        "rsqrt",
        "abs",
    ),
}


def test_every_usual_operation_has_a_rule():
    assert set(RULES) >= PROMISED
