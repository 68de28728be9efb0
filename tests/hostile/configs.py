"""Configs that name what is no part of a model, or more of it than the file holds."""

import io
import json
import zipfile
from pathlib import Path

import h5py

from tests.hostile.making import (
    Good,
    Hostile,
    X,
    added,
    archive_of,
    config,
    empty_hdf5,
    function,
    functional,
    keras_object,
    layer,
    legacy_config,
    members,
    operation,
)

CODE = {"class_name": "__lambda__", "config": {"value": ["4wEAAAAAAAAA", None, None]}}
_ADDRESS = "http://127.0.0.1:9/x"


def lambda_layer(called: object, **arguments: object) -> dict:
    return keras_object("Lambda", name="lambda", function=called, arguments=arguments)


def calling(name: str, module: str, **arguments: object):
    """A Lambda that would call a function of Keras's own."""
    return added(lambda_layer(function(name, module), **arguments))


def metric(value: object):
    return config(lambda config: config.update(compile_config={"optimizer": "sgd", "loss": "mse", "metrics": [value]}))


def asset(entry: dict, **files: bytes):
    """A model of one layer that keeps files of its own."""

    def make(good: Good, path: Path) -> None:
        inputs = keras_object("InputLayer", batch_shape=[None, 1], dtype="string", name="x")
        model = keras_object("Sequential", "keras", name="m", layers=[inputs, entry])
        path.write_bytes(
            archive_of(
                {
                    **good.members,
                    "model.weights.h5": EMPTY_HDF5,
                    "config.json": json.dumps(model).encode(),
                    **{f"assets/{name}": content for name, content in files.items()},
                }
            )
        )

    return make


def text(content: bytes):
    return members(config__json=content)


def packed_text(good: Good, path: Path) -> None:
    """A config of 31 MB that packs to 30 KB."""
    content = b'{"a": "' + b"a" * (31 << 20) + b'"}'
    path.write_bytes(archive_of({**good.members, "config.json": content}, zipfile.ZIP_DEFLATED))


def nested(levels: int) -> bytes:
    return b'{"a":' * levels + b"1" + b"}" * levels


def wrapped(levels: int) -> dict:
    """Layers around layers."""
    inner = keras_object("Dense", units=1, name="inner")
    for number in range(levels):
        inner = keras_object("TimeDistributed", layer=inner, name=f"t{number}")
    return inner


def loss(value: object):
    return config(lambda config: config.update(compile_config={"optimizer": "sgd", "loss": value}))


def optimizer(value: object):
    return config(lambda config: config.update(compile_config={"optimizer": value, "loss": "mse"}))


def legacy_layer(entry: dict):
    return legacy_config(lambda config: config["config"]["layers"].append(entry))


def other_shape(good: Good, path: Path) -> None:
    """A layer of 250 MB, in the bounds of a file that claims 26 MB of another shape."""
    changed = good.config
    changed["config"]["layers"][2]["config"]["units"] = 16_000_000
    weights = io.BytesIO(good.members["model.weights.h5"])
    with h5py.File(weights, "a") as file:
        kernel = file["layers/dense_1/vars"].create_dataset("2", (6_400_000,), "f4", chunks=True, compression="gzip")
        kernel[:] = 0
    path.write_bytes(
        archive_of(
            {
                **good.members,
                "config.json": json.dumps(changed).encode(),
                "model.weights.h5": weights.getvalue(),
            }
        )
    )


def dense(number: int) -> dict:
    return keras_object("Dense", name=f"d{number}", units=4000)


EMPTY_HDF5 = empty_hdf5()
_UNKNOWN = "not known here|no meaning here"
_CODE = "never run"
_BIG = r"would take [\d,]+ bytes"
CONFIGS = [
    Hostile("lambda", "CVE-2024-3660: code of a Lambda", added(lambda_layer(CODE)), _CODE),
    Hostile("module", "CVE-2025-1550: any function of any module", added(keras_object("system", "os")), _UNKNOWN),
    Hostile("module-function", "CVE-2025-1550", added(lambda_layer(function("system", "os"))), _UNKNOWN),
    Hostile(
        "module-root", "CVE-2025-1550", config(lambda _: keras_object("Popen", "subprocess", args=["true"])), _UNKNOWN
    ),
    Hostile(
        "get-file",
        "CVE-2025-8747: a function of Keras that downloads",
        calling("get_file", "keras.src.utils.file_utils", origin=_ADDRESS),
        _UNKNOWN,
    ),
    Hostile(
        "unsafe-switch",
        "CVE-2025-9906: a function of Keras that turns safety off",
        calling("enable_unsafe_deserialization", "keras.config"),
        _UNKNOWN,
    ),
    Hostile(
        "load-model",
        "CVE-2025-9906: a function that loads another file",
        calling("load_model", "keras.models"),
        _UNKNOWN,
    ),
    Hostile("set-floatx", "a function that changes a setting", calling("set_floatx", "keras.config"), _UNKNOWN),
    Hostile("set-seed", "a function that changes the seed", calling("set_random_seed", "keras.utils"), _UNKNOWN),
    Hostile("initialize", "a function that joins processes", calling("initialize", "keras.distribution"), _UNKNOWN),
    Hostile("dataset", "a function that downloads data", calling("load_data", "keras.datasets.mnist"), _UNKNOWN),
    Hostile(
        "torch-module",
        "CVE-2025-49655: a pickled module of PyTorch",
        added(keras_object("TorchModuleWrapper", module="gASVCgAAAAAAAAB9lC4=")),
        _UNKNOWN,
    ),
    Hostile(
        "saved-model",
        "CVE-2026-1462: a TensorFlow program from a folder",
        added(keras_object("TFSMLayer", filepath="/tmp/program")),
        _UNKNOWN,
    ),
    Hostile(
        "vocabulary",
        "CVE-2025-12058: a vocabulary from a path",
        added(keras_object("StringLookup", vocabulary="/etc/passwd")),
        "names a file",
    ),
    Hostile(
        "vocabulary-address",
        "CVE-2025-12058: a vocabulary from an address",
        added(keras_object("StringLookup", vocabulary=_ADDRESS)),
        "names a file",
    ),
    Hostile(
        "vocabulary-bytes",
        "CVE-2025-12058, the path in another spelling",
        added(
            keras_object("IntegerLookup", vocabulary={"class_name": "__bytes__", "config": {"value": "/etc/passwd"}})
        ),
        "names a file|vocabulary",
    ),
    Hostile(
        "vocabulary-text",
        "CVE-2025-12058 through a layer around the lookup",
        added(keras_object("TextVectorization", vocabulary="/etc/passwd")),
        "names a file",
    ),
    Hostile(
        "initializer-call",
        "CVE-2025-1550 in an initializer",
        layer(kernel_initializer=function("eval")),
        _UNKNOWN,
    ),
    Hostile("activation-call", "CVE-2025-1550 in an activation", layer(activation=function("exec")), _UNKNOWN),
    Hostile("activation-code", "CVE-2024-3660 in an activation", layer(activation=CODE), _CODE),
    Hostile("loss-code", "CVE-2024-3660 in the loss", loss(CODE), _CODE),
    Hostile("loss-call", "CVE-2025-1550 in the loss", loss(function("system", "os")), _UNKNOWN),
    Hostile(
        "optimizer-call", "CVE-2025-1550 in the optimizer", optimizer(keras_object("Popen", "subprocess")), _UNKNOWN
    ),
    Hostile(
        "typespec", "an importable type", added({"class_name": "__typespec__", "config": [], "module": "os"}), _UNKNOWN
    ),
    Hostile(
        "jax-function",
        "a function for a layer of others' code",
        added(keras_object("JaxLayer", call_fn=function("system", "os"), init_fn=None)),
        _UNKNOWN,
    ),
    Hostile(
        "flax-module",
        "a class for a layer of others' code",
        added(keras_object("FlaxLayer", module=keras_object("Popen", "subprocess"), method=None)),
        _UNKNOWN,
    ),
    Hostile(
        "policy",
        "a policy from elsewhere",
        layer(dtype=keras_object("Popen", "subprocess", name="float32")),
        _UNKNOWN,
    ),
    Hostile(
        "features",
        "a path in a column of a feature space",
        added(
            keras_object(
                "FeatureSpace",
                "keras.src.layers.preprocessing.feature_space",
                features={
                    "a": keras_object(
                        "Feature",
                        "keras.src.layers.preprocessing.feature_space",
                        dtype="string",
                        preprocessor=keras_object("StringLookup", vocabulary="/etc/passwd"),
                        output_mode="int",
                    )
                },
            )
        ),
        "names a file|not known here",
    ),
    Hostile(
        "array-type",
        "an array of huge texts",
        layer(kernel_initializer={"class_name": "__numpy__", "config": {"value": ["a"], "dtype": "U1000000000"}}),
        "dtype",
    ),
    Hostile(
        "array-objects",
        "an array of objects",
        layer(kernel_initializer={"class_name": "__numpy__", "config": {"value": [1], "dtype": "object"}}),
        "dtype",
    ),
    Hostile("big-layer", "a layer of 10**9 units in 2 KB", layer(units=10**9), _BIG),
    Hostile("huge-layer", "a size that no integer of 64 bits holds", layer(units=10**30), _BIG),
    Hostile(
        "big-kernel",
        "a huge kernel",
        functional(
            {
                **keras_object("Embedding", name="e", input_dim=10**9, output_dim=10**3),
                "name": "e",
                "inbound_nodes": [{"args": [X], "kwargs": {}}],
            }
        ),
        _BIG,
    ),
    Hostile(
        "many-layers",
        "many layers that each fit",
        config(lambda config: config["config"]["layers"].extend(map(dense, range(40)))),
        _BIG,
    ),
    Hostile("other-shape", "a large layer that the file's arrays do not fit", other_shape, "the file 3"),
    Hostile(
        "big-zeros",
        "an array made while a model is built",
        functional(operation("Repeat", [[1.0]], repeats=10**9)),
        "on no tensor",
    ),
    Hostile(
        "big-mel",
        "a filter bank made while a model is built",
        functional(
            {
                **keras_object("MelSpectrogram", name="m", fft_length=2**28, num_mel_bins=2**12),
                "name": "m",
                "inbound_nodes": [{"args": [X], "kwargs": {}}],
            }
        ),
        _BIG,
    ),
    Hostile(
        "many-unknown",
        "a vocabulary of 10**9 places for the unknown",
        asset(
            keras_object("StringLookup", name="lookup", num_oov_indices=10**9),
            **{"layers/string_lookup/vocabulary.txt": b"a"},
        ),
        "special tokens",
    ),
    Hostile(
        "vocabulary-twice",
        "a vocabulary that its layer cannot have",
        asset(keras_object("StringLookup", name="lookup"), **{"layers/string_lookup/vocabulary.txt": b"[UNK]\na\na"}),
        "once",
    ),
    Hostile(
        "big-metric",
        "thresholds of a metric that are made at once",
        metric(keras_object("AUC", "keras.metrics", num_thresholds=10**9)),
        _BIG,
    ),
    Hostile(
        "big-rate",
        "thresholds of a metric that are made at once",
        metric(keras_object("PrecisionAtRecall", "keras.metrics", recall=0.5, num_thresholds=10**9)),
        _BIG,
    ),
    Hostile("deep", "nesting that fills the stack", text(nested(5000)), "nested deeper"),
    Hostile("brackets", "nesting that fills the stack", text(b"[" * 1_000_000), "nested deeper"),
    Hostile("deep-layers", "layers around layers", config(lambda _: wrapped(200)), "nested deeper"),
    Hostile("many-values", "more values than memory", text(b"[" + b"0," * 2_000_000 + b"0]"), "at most 1,000,000"),
    Hostile("long-text", "a config that packs well", packed_text, "claims|no model|class_name|describes"),
    Hostile(
        "long-number", "a number that takes long to read", text(b'{"a": ' + b"9" * 1_000_000 + b"}"), "not valid JSON"
    ),
    Hostile(
        "twin-keys",
        "readers that disagree which value counts",
        text(b'{"class_name": "A", "class_name": "B"}'),
        "twice",
    ),
    Hostile(
        "no-json", "other content than the name says", text(b"!!python/object/apply:os.system [true]"), "not valid JSON"
    ),
    Hostile("no-utf8", "bytes that are no text", text(b"\xff\xfe"), "not UTF-8"),
    Hostile("a-list", "JSON that is no config", text(b"[1, 2]"), "must be a JSON object"),
    Hostile("no-class", "JSON that is no config", text(json.dumps({"config": {}}).encode()), "no model"),
    Hostile(
        "cycle",
        "layers that wait for each other",
        functional(
            {
                **keras_object("Dense", name="y", units=2),
                "name": "y",
                "inbound_nodes": [
                    {"args": [{**X, "config": {**X["config"], "keras_history": ["y", 0, 0]}}], "kwargs": {}}
                ],
            }
        ),
        "wait for",
    ),
    Hostile("metadata", "a bomb in the metadata", members(metadata__json=nested(5000)), "nested deeper"),
    Hostile(
        "legacy-lambda",
        "CVE-2025-9905: code of a Lambda in an .h5 file",
        legacy_layer(
            {"class_name": "Lambda", "config": {"name": "l", "function": ["4wEAAAAA", None, None], "module": "os"}}
        ),
        _CODE,
        ".h5",
    ),
    Hostile(
        "legacy-module", "CVE-2025-1550 in an .h5 file", legacy_layer(keras_object("system", "os")), _UNKNOWN, ".h5"
    ),
    Hostile(
        "legacy-saved-model",
        "CVE-2026-1462 in an .h5 file",
        legacy_layer({"class_name": "TFSMLayer", "config": {"filepath": "/tmp"}}),
        _UNKNOWN,
        ".h5",
    ),
    Hostile(
        "legacy-vocabulary",
        "CVE-2025-12058 in an .h5 file",
        legacy_layer({"class_name": "StringLookup", "config": {"vocabulary": "/etc/passwd"}}),
        "names a file",
        ".h5",
    ),
    Hostile(
        "legacy-big",
        "a layer of 10**9 units in an .h5 file",
        legacy_config(lambda config: config["config"]["layers"][1]["config"].update(units=10**9)),
        _BIG,
        ".h5",
    ),
]
