"""Models and weights that are written and read again are the same."""

import copy
import os
import pickle
import stat

import h5py
import numpy as np
import pytest

import lapis
from lapis import layers
from lapis.saving.state import save_state
from lapis.saving.tree import saveables
from tests.saving_models import MODELS, assert_same, randomize, scaled_sum, subclassed

pytestmark = pytest.mark.usefixtures("quick_compilation")

ScaledSum, Tower = scaled_sum(lapis), subclassed(lapis)


def small(units=2, name=None):
    return lapis.Sequential([lapis.Input((4,)), layers.Dense(3), layers.Dense(units)], name=name)


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize("name", MODELS)
def test_whole_models(tmp_path, name, suffix):
    make, x = MODELS[name]
    model = make(lapis)
    randomize(model)
    path = tmp_path / f"m{suffix}"
    model.save(path)
    loaded = lapis.saving.load_model(path)
    assert type(loaded) is type(model) or name in ("custom", "tower")
    assert loaded.name == model.name
    assert [(v.name, v.dtype) for v in loaded.weights] == [(v.name, v.dtype) for v in model.weights]
    assert_same(model, loaded, x)


@pytest.mark.parametrize("name", ["deferred", "nested", "shared", "custom", "tower", "half"])
def test_weights(tmp_path, name):
    make, x = MODELS[name]
    model, other = make(lapis), make(lapis)
    randomize(model)
    randomize(other, seed=1)
    model.save_weights(tmp_path / "m.weights.h5")
    other.load_weights(tmp_path / "m.weights.h5")
    assert_same(model, other, x)


def test_the_other_ending_of_hdf5(tmp_path):
    model = small()
    model.save(tmp_path / "m.hdf5")
    assert_same(model, lapis.saving.load_model(tmp_path / "m.hdf5"), np.ones((2, 4)))


def test_weights_out_of_a_whole_model(tmp_path):
    model, other = small(), small()
    model.save(tmp_path / "m.keras")
    other.load_weights(str(tmp_path / "m.keras"))
    assert_same(model, other, np.ones((2, 4)))


def test_shared_layers_stay_shared(tmp_path):
    for name, count in (("shared", 20), ("shared_at_depths", 47)):
        model = MODELS[name][0](lapis)
        for suffix in (".keras", ".h5"):
            model.save(tmp_path / f"m{suffix}")
            assert lapis.saving.load_model(tmp_path / f"m{suffix}").count_params() == model.count_params() == count


def test_calls_that_say_how_they_train(tmp_path):
    x = lapis.Input((64,))
    model = lapis.Model(x, [layers.Dropout(0.5)(x, training=flag) for flag in (None, False, True)])
    model.save(tmp_path / "m.keras")
    loaded = lapis.saving.load_model(tmp_path / "m.keras")
    ones = np.ones((2, 64), "float32")
    assert [bool(np.asarray(y).min()) for y in loaded(ones, training=True)] == [False, True, False]
    assert [bool(np.asarray(y).min()) for y in loaded(ones, training=False)] == [True, True, False]


def trained(dropout=0.5):
    lapis.utils.set_random_seed(3)
    model = lapis.Sequential([lapis.Input((4,)), layers.Dense(3), layers.Dropout(dropout), layers.Dense(1)])
    schedule = lapis.optimizers.schedules.CosineDecay(0.1, 20)
    model.compile(lapis.optimizers.AdamW(schedule), "mse", metrics=["mae", lapis.metrics.RootMeanSquaredError()])
    return model


DATA = np.random.default_rng(0).normal(size=(8, 4)).astype("float32"), np.ones((8, 1), "float32")


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_training_goes_on_exactly(tmp_path, suffix):
    model = trained()
    for _ in range(3):
        model.train_on_batch(*DATA)
    model.save(tmp_path / f"m{suffix}")
    loaded = lapis.saving.load_model(tmp_path / f"m{suffix}")
    for _ in range(3):  # the dropout masks are the same too
        loaded.reset_metrics()
        model.reset_metrics()
        assert loaded.train_on_batch(*DATA, return_dict=True) == model.train_on_batch(*DATA, return_dict=True)
    assert [v.path for v in loaded.optimizer.variables] == [v.path for v in model.optimizer.variables]


def test_weights_keep_the_optimizer_and_seeds(tmp_path):
    model = trained()
    model.train_on_batch(*DATA)
    model.save_weights(tmp_path / "m.weights.h5")
    other = trained()
    other.train_on_batch(*DATA)
    other.train_on_batch(*DATA)
    other.load_weights(tmp_path / "m.weights.h5")
    assert other.train_on_batch(*DATA) == pytest.approx(model.train_on_batch(*DATA), abs=0)


def test_without_compiling(tmp_path):
    model = trained()
    model.train_on_batch(*DATA)
    for suffix in (".keras", ".h5"):
        model.save(tmp_path / f"m{suffix}")
        assert not lapis.saving.load_model(tmp_path / f"m{suffix}", compile=False).compiled
    model.save(tmp_path / "without.h5", include_optimizer=False)
    assert not lapis.saving.load_model(tmp_path / "without.h5").compiled


def test_custom_objects_by_argument_and_by_scope(tmp_path):
    class Half(layers.Layer):
        def call(self, x):
            return x / 2

    def double(x):
        return 2 * x

    x = lapis.Input((3,))
    model = lapis.Model(x, layers.Dense(2, activation=double)(Half()(x)))
    given = {"Half": Half, "double": double}
    for suffix in (".keras", ".h5"):
        path = tmp_path / f"m{suffix}"
        model.save(path)
        assert_same(model, lapis.saving.load_model(path, custom_objects=given), np.ones((2, 3)))
        with lapis.saving.custom_object_scope(given):
            assert_same(model, lapis.saving.load_model(path), np.ones((2, 3)))
        with pytest.raises(ValueError, match=r"Half.*custom_objects"):
            lapis.saving.load_model(path)


def test_unbuilt_models(tmp_path):
    model = lapis.Sequential([layers.Dense(2)])
    with pytest.warns(UserWarning, match="has not been built"):
        model.save(tmp_path / "m.keras")
    assert not lapis.saving.load_model(tmp_path / "m.keras").built
    for call in (model.save_weights, model.load_weights):
        (tmp_path / "a.weights.h5").touch()
        with pytest.raises(ValueError, match="has not been built"):
            call(tmp_path / "a.weights.h5")


def test_file_names(tmp_path):
    model = small()
    for name in ("m", "m.txt", "m.weights.h5", "m.keras.zip"):
        with pytest.raises(ValueError, match=r"\.keras"):
            model.save(tmp_path / name)
    for name in ("m.h5", "m.keras", "weights.hdf5"):
        with pytest.raises(ValueError, match=r"\.weights\.h5"):
            model.save_weights(tmp_path / name)
    (tmp_path / "m.txt").touch()
    with pytest.raises(ValueError, match=r"\.keras"):
        lapis.saving.load_model(tmp_path / "m.txt")
    with pytest.raises(FileNotFoundError):
        lapis.saving.load_model(tmp_path / "none.keras")
    with pytest.raises(TypeError, match="filepath"):
        model.save(3)
    with pytest.raises(TypeError, match="unknown"):
        model.save(tmp_path / "m.keras", color="red")
    with pytest.raises(ValueError, match="by_name"):
        model.save_weights(tmp_path / "m.weights.h5")
        model.load_weights(tmp_path / "m.weights.h5", by_name=True)


def test_files_appear_whole_or_not_at_all(tmp_path):
    @lapis.saving.register_keras_serializable("test_saving")
    class Broken(layers.Layer):
        def call(self, x):
            return x

        def save_own_variables(self, store):
            raise RuntimeError("disk on fire")

    path = tmp_path / "m.keras"
    model = small()
    model.save(path)
    before = path.read_bytes()
    with pytest.raises(RuntimeError, match="disk on fire"):
        lapis.Sequential([lapis.Input((3,)), Broken()]).save(path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["m.keras"]
    with pytest.raises(FileExistsError):
        model.save(path, overwrite=False)
    os.chmod(path, 0o640)
    model.save(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_links_are_written_through(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link.keras").symlink_to(tmp_path / "real" / "m.keras")
    small().save(tmp_path / "link.keras")
    assert (tmp_path / "link.keras").is_symlink()
    assert (tmp_path / "real" / "m.keras").is_file()


def test_mismatches_are_named_and_change_nothing(tmp_path):
    small(2).save_weights(tmp_path / "a.weights.h5")
    model = small(5)
    before = model.get_weights()
    words = r"layers/dense_1 .*'kernel'.*shape \(3, 2\).*expects \(3, 5\).*Nothing was loaded"
    with pytest.raises(ValueError, match=words):
        model.load_weights(tmp_path / "a.weights.h5")
    for one, other in zip(before, model.get_weights()):
        np.testing.assert_array_equal(one, other)
    deeper = lapis.Sequential([lapis.Input((4,)), layers.Dense(3), layers.Dense(2), layers.Dense(2)])
    with pytest.raises(ValueError, match=r"layers/dense_2 .*the file none"):
        deeper.load_weights(tmp_path / "a.weights.h5")
    shallow = lapis.Sequential([lapis.Input((4,)), layers.Dense(3)])
    with pytest.warns(UserWarning, match="no place for: layers/dense_1"):
        shallow.load_weights(tmp_path / "a.weights.h5")


def test_skipping_what_does_not_fit(tmp_path):
    source, model = small(2), small(5)
    source.save_weights(tmp_path / "a.weights.h5")
    kept = model.layers[1].get_weights()
    with pytest.warns(UserWarning, match="layers/dense_1"):
        model.load_weights(tmp_path / "a.weights.h5", skip_mismatch=True)
    np.testing.assert_array_equal(model.layers[0].get_weights()[0], source.layers[0].get_weights()[0])
    np.testing.assert_array_equal(model.layers[1].get_weights()[0], kept[0])


def test_skipping_objects(tmp_path):
    source, model = small(), small()
    source.save_weights(tmp_path / "a.weights.h5")
    kept = model.layers[1].get_weights()
    model.load_weights(tmp_path / "a.weights.h5", objects_to_skip=[model.layers[1]])
    np.testing.assert_array_equal(model.layers[1].get_weights()[0], kept[0])


def published_layout(path, arrays):
    """A weights file as Keras 1 wrote it: names end in `_W_1:0`, layers without weights are listed too."""
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [name.encode() for name in ["input_1", *arrays]]
        file.create_group("input_1").attrs["weight_names"] = []
        for name, values in arrays.items():
            group = file.create_group(name)
            group.attrs["weight_names"] = [f"{name}_{part}_1:0".encode() for part, _ in zip("Wb", values)]
            for part, value in zip("Wb", values):
                group[f"{name}_{part}_1:0"] = value


def test_published_weights(tmp_path):
    arrays = {"first": (np.ones((4, 3)), np.zeros(3)), "second": (np.full((3, 2), 2.0), np.ones(2))}
    path = tmp_path / "vgg.h5"
    published_layout(path, arrays)
    model = small()
    model.load_weights(path)
    np.testing.assert_array_equal(model.get_weights()[2], arrays["second"][0])
    named = lapis.Sequential([lapis.Input((4,)), layers.Dense(3, name="first"), layers.Dense(7, name="other")])
    kept = named.get_weights()[2]
    named.load_weights(path, by_name=True)
    np.testing.assert_array_equal(named.get_weights()[0], arrays["first"][0])
    np.testing.assert_array_equal(named.get_weights()[2], kept)
    longer = lapis.Sequential([lapis.Input((4,)), layers.Dense(3, name="first"), layers.Dense(2), layers.Dense(1)])
    with pytest.raises(ValueError, match=r"Only in the file: second; only in the model: dense.*by_name"):
        longer.load_weights(path)
    wrong = lapis.Sequential([lapis.Input((4,)), layers.Dense(3, name="first"), layers.Dense(5, name="second")])
    before = wrong.get_weights()
    with pytest.raises(ValueError, match=r"second.*\(3, 2\).*\(3, 5\)"):
        wrong.load_weights(path)
    np.testing.assert_array_equal(wrong.get_weights()[0], before[0])
    with pytest.warns(UserWarning, match="second"):
        wrong.load_weights(path, skip_mismatch=True)
    np.testing.assert_array_equal(wrong.get_weights()[0], arrays["first"][0])


def test_long_lists_of_names(tmp_path):
    from lapis.saving import hdf5

    names = [f"layer_with_a_long_name_{i:05}" for i in range(5000)]
    with h5py.File(tmp_path / "a.h5", "w") as file:
        hdf5.write_names(file, "layer_names", names)
        assert "layer_names" not in file.attrs and "layer_names1" in file.attrs
    with hdf5.opened(tmp_path / "a.h5", "a.h5") as file:
        assert hdf5.read_names(file, "layer_names") == names


def test_paths_of_state(tmp_path):
    lapis.backend.clear_session()
    model = Tower(5)
    model(np.zeros((1, 4), "float32"))
    paths = {path for path, _ in saveables(model)}
    # `layers` comes before the attributes behind it in the alphabet, as in Keras.
    assert {"alpha", "layers/dense", "layers/batch_normalization", "layers/dropout/seed_generator"} <= paths
    with h5py.File(tmp_path / "a.h5", "w") as file:
        save_state(model, file)
        assert file["alpha/vars"].attrs["name"] == "dense_1"
        assert file["alpha/vars/0"].shape == (4, 5)


def test_layers_with_their_own_way(tmp_path):
    @lapis.saving.register_keras_serializable("test_saving")
    class Table(layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.words = []
            self.total = self.add_weight(shape=(), initializer="zeros", trainable=False)

        def call(self, x):
            return x + self.total

        def save_own_variables(self, store):
            store["total_times_two"] = 2 * self.total.numpy()

        def load_own_variables(self, store):
            self.total.assign(store["total_times_two"] / 2)

        def save_assets(self, folder):
            with open(os.path.join(folder, "words.txt"), "w") as file:
                file.write(" ".join(self.words))

        def load_assets(self, folder):
            with open(os.path.join(folder, "words.txt")) as file:
                self.words = file.read().split()

    model = lapis.Sequential([lapis.Input((3,)), Table()])
    model.layers[0].words = ["one", "two"]
    model.layers[0].total.assign(7.0)
    model.save(tmp_path / "m.keras")
    loaded = lapis.saving.load_model(tmp_path / "m.keras")
    assert loaded.layers[0].words == ["one", "two"]
    assert float(loaded.layers[0].total.value) == 7.0


def test_lambdas(tmp_path):
    model = lapis.Sequential([lapis.Input((3,)), layers.Lambda(lambda x: x * 2)])
    for suffix in (".keras", ".h5"):
        with pytest.warns(UserWarning, match="lambda"):
            model.save(tmp_path / f"m{suffix}")
        with pytest.raises(ValueError, match="never run"):
            lapis.saving.load_model(tmp_path / f"m{suffix}", safe_mode=False)


class Unregistered(layers.Layer):
    def call(self, x):
        return x + 1


def test_pickles():
    x = lapis.Input((4,))
    model = lapis.Model(x, Unregistered()(layers.Dense(2)(x)))
    model.compile("adam", "mse")
    model.train_on_batch(np.ones((2, 4)), np.ones((2, 2)))
    for again in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        assert_same(model, again, np.ones((2, 4)))
        assert int(again.optimizer.iterations.value) == 1


def test_registered_models_that_become_functional(tmp_path):
    @lapis.saving.register_keras_serializable("test_saving")
    class Tall(lapis.Model):
        def __init__(self, units=3, **kwargs):
            x = lapis.Input((4,))
            super().__init__(x, layers.Dense(units)(x), **kwargs)
            self.units = units

        def get_config(self):
            return {"units": self.units, "name": self.name}

        @classmethod
        def from_config(cls, config):
            return cls(**config)

    model = Tall(5)
    model.save(tmp_path / "m.keras")
    assert_same(model, lapis.saving.load_model(tmp_path / "m.keras"), np.ones((2, 4)))
