"""Values to buckets by their hashes."""

from typing import Any

import numpy as np

from lapis.core.config import floatx
from lapis.core.serialization import builtin
from lapis.layers.preprocessing.buckets import buckets, checked_salt
from lapis.layers.preprocessing.host_layer import OUTPUT_MODES, HostLayer, encoded, encoded_shape, int_type
from lapis.layers.preprocessing.index_lookup import refuse_sparse


@builtin("keras.layers")
class Hashing(HostLayer):
    """Strings or whole numbers to one of `num_bins` buckets each, by a hash; equal values share a bucket.

    The hash is FarmHash's 64-bit fingerprint, or SipHash where there is a salt; numbers are hashed as they are written
    in decimal. It runs on the host.

    Args:
        num_bins: how many buckets, that of `mask_value` included.
        mask_value: the value that alone goes to bucket 0.
        salt: one or two whole numbers, the key of SipHash.
        output_mode: `"int"` for buckets; `"one_hot"` for a vector each; for the values along the last axis together a
            vector of ones (`"multi_hot"`) or of counts (`"count"`).
        sparse: must be false on JAX.

    Raises:
        ValueError: for arguments that are out of range or do not go together.

    >>> Hashing(3)([["A"], ["B"], ["C"]]).tolist()
    [[1], [0], [1]]
    """

    def __init__(
        self,
        num_bins: int,
        mask_value: Any = None,
        salt: Any = None,
        output_mode: str = "int",
        sparse: bool = False,
        **kwargs: Any,
    ) -> None:
        if num_bins is None or num_bins <= 0:
            raise ValueError(f"Hashing got num_bins={num_bins}; expected a number above 0.")
        if output_mode not in OUTPUT_MODES:
            raise ValueError(f"Hashing got output_mode={output_mode!r}; expected one of {', '.join(OUTPUT_MODES)}.")
        refuse_sparse(sparse, "Hashing")
        if kwargs.get("dtype") is None:
            kwargs["dtype"] = "int64" if output_mode == "int" else floatx()
        super().__init__(**kwargs)
        if output_mode == "int" and self.compute_dtype not in ("int32", "int64"):
            raise ValueError(f"Hashing gives whole numbers with output_mode='int'; got dtype={self.compute_dtype!r}.")
        self.num_bins = num_bins
        self.mask_value = mask_value
        self.salt = checked_salt(salt, "Hashing")
        self.output_mode = output_mode
        self.sparse = sparse

    @property
    def _output_dtype(self) -> str:
        return int_type(self.compute_dtype) if self.output_mode == "int" else self.compute_dtype

    def run_on_host(self, inputs: Any) -> np.ndarray:
        array = self._array(inputs)
        if array.dtype.kind in "iubf":
            flat = array.ravel()
            masked = flat == self.mask_value
            texts = [b"%d" % value for value in flat.astype(np.int64, copy=False).tolist()]
        else:
            texts, _ = self._strings(array)
            mask = self.mask_value.encode() if isinstance(self.mask_value, str) else self.mask_value
            masked = np.array([text == mask for text in texts], bool)
        if self.mask_value is None or self.num_bins == 1:
            numbers = buckets(texts, self.num_bins, self.salt)
        else:
            numbers = np.where(masked, 0, buckets(texts, self.num_bins - 1, self.salt) + 1)
        numbers = numbers.reshape(array.shape)
        if self.output_mode == "int":
            return numbers.astype(self._output_dtype)
        return encoded(numbers, self.output_mode, self.num_bins, self.compute_dtype)

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        return encoded_shape(input_shape, self.output_mode, self.num_bins)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "num_bins": self.num_bins,
            "salt": self.salt,
            "mask_value": self.mask_value,
            "output_mode": self.output_mode,
            "sparse": self.sparse,
        }
