"""Torch's functions by what they do with tensors, under torch's names."""

from __future__ import annotations

#: Functions whose result is the same numbers in the same memory, or shares it where it can.
VIEWS = frozenset(
    [
        *("view", "view_as", "reshape", "reshape_as", "flatten", "ravel", "squeeze", "unsqueeze"),
        *("detach", "contiguous", "data", "requires_grad", "alias", "swapaxes", "t", "T", "mT"),
        *("transpose", "permute", "unflatten", "expand_as", "expand", "real", "moveaxis"),
        *("conj", "resolve_conj", "resolve_neg", "conj_physical"),
    ]
)
#: Those whose result is a copy, of another type where asked for.
COPIES = frozenset(
    ["clone", "to", "type", "type_as", "float", "double", "bool", "int", "long", "cpu", "cuda"]
)
MADE = {"zeros": 0, "ones": 1, "zeros_like": 0, "ones_like": 1, "new_zeros": 0, "new_ones": 1}
EMPTY = frozenset({"empty", "empty_like", "new_empty", "empty_strided"})
FULL = {"full": 1, "full_like": 1, "new_full": 1}
TENSORS = frozenset({"tensor", "as_tensor", "scalar_tensor", "asarray", "new_tensor"})
REDUCTIONS = frozenset(
    ["sum", "mean", "norm", "max", "min", "amax", "amin", "std", "var", "any", "all"]
)
NORMS = {"norm": "norm", "linalg_norm": "norm", "linalg_vector_norm": "norm"}
NORMS |= {"vector_norm": "norm"}
PRODUCTS = frozenset({"dot", "vdot", "inner"})
#: Results without elements, which are the same for all values.
FACTS = frozenset(
    [
        *("shape", "size", "dim", "ndim", "ndimension", "stride", "dtype", "device", "layout"),
        *("is_sparse", "is_complex", "is_floating_point", "is_cuda", "is_cpu", "is_mps", "is_meta"),
        *("is_leaf", "requires_grad", "is_contiguous", "element_size", "data_ptr", "is_quantized"),
        *("storage_offset", "is_xla", "is_mkldnn", "is_nested", "is_tensor", "grad_fn", "is_xpu"),
        *("len", "hash", "names", "register_hook", "get_device", "untyped_storage", "is_conj"),
        *("is_neg", "is_inference", "_version", "is_same_size", "result_type", "can_cast"),
        *("is_coalesced", "repr", "format", "deepcopy", "_is_view", "is_signed", "itemsize"),
    ]
)
