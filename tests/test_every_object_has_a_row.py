"""Every public layer, loss, metric and optimizer has a row in the tables that the suites go through."""

import inspect

import pytest

import lapis
from tests.descriptors import LAYER_FAMILIES, rows

# Bases, and what has tests of its own: layers of strings, which take no tensors; what wraps others, or refuses.
WITHOUT = {
    "layers": "Layer Wrapper Merge InputLayer InputSpec StringLookup IntegerLookup TextVectorization Hashing "
    "HashedCrossing FlaxLayer TFSMLayer TorchModuleWrapper",
    "losses": "Loss LossFunctionWrapper",
    "metrics": "Metric MeanMetricWrapper",
    "optimizers": "Optimizer MultiOptimizer OptimizerMap",
}


@pytest.mark.parametrize("namespace", WITHOUT)
def test_every_class(namespace):
    families = LAYER_FAMILIES if namespace == "layers" else (namespace,)
    objects = [row.make(lapis) for row in rows(*families)]
    inner = [layer for one in objects if isinstance(one, lapis.Layer) for layer in one._flatten_layers()]
    made = {type(one).__name__ for one in objects + inner}
    public = {cls.__name__ for cls in vars(getattr(lapis, namespace)).values() if inspect.isclass(cls)}
    assert public - made == set(WITHOUT[namespace].split())
