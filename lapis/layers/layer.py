"""The layer: a call with weights of its own."""

import functools
from collections.abc import Callable
from typing import Any, overload

from lapis.constraints import get as get_constraint
from lapis.core import dtype_policies, nest
from lapis.core.changes import changed
from lapis.core.dtypes import is_float_dtype, standardize_dtype
from lapis.core.findings import Finding, tell
from lapis.core.serialization import builtin, unknown_arguments
from lapis.core.source import calling_line, frames_inside
from lapis.core.tracebacks import shorten
from lapis.core.watching import watching
from lapis.graph import KerasTensor, Node, Operation, any_symbolic, get_mask, infer_call, inferring, set_mask
from lapis.initializers import Initializer
from lapis.initializers import get as get_initializer
from lapis.layers.calling import (
    CallContext,
    Signature,
    build_arguments,
    calls,
    is_tensor,
    masks_of,
    note_call,
    shape_of,
    signature_of,
    tensor_arguments,
)
from lapis.layers.configured import Configured
from lapis.layers.converting import as_spec, to_tensor
from lapis.layers.dims import output_dims
from lapis.layers.input_spec import check_inputs
from lapis.layers.pure_calls import PureCalls
from lapis.layers.rematerialized import Rematerialized
from lapis.layers.stateful import Stateful, default_initializer
from lapis.layers.without_quantization import WithoutQuantization
from lapis.regularizers import get as get_regularizer
from lapis.state import Variable, name_scope, require_x64
from lapis.state.scopes import local as scopes

_MASK_LOST = "{cls} was given a masked input, but does not support masking: layers after it will not see the mask."
_MASK_MAY_PASS = "Set `supports_masking = True` on the layer if the mask may pass, or define `compute_mask`."


@builtin("keras.layers")
class Layer(Configured, PureCalls, Rematerialized, Stateful, WithoutQuantization, Operation):
    """A function of tensors with weights, that can be called on arrays and on symbolic tensors alike.

    A subclass makes its weights in `build(self, input_shape)` with `add_weight`, and computes in `call(self,
    inputs)`. The shapes that come out are found by tracing `call`.

    Args:
        activity_regularizer: a penalty on the outputs.
        trainable: whether training changes the weights.
        dtype: a dtype policy, its name, or an element type; `None` for the global policy.
        autocast: whether floating-point inputs are cast to the compute type.
        name: a name, unique within a model; made up from the class name when not given.

    >>> import lapis
    >>> class Scale(lapis.layers.Layer):
    ...     def build(self, input_shape):
    ...         self.factor = self.add_weight(shape=(input_shape[-1],), initializer="ones")
    ...     def call(self, x):
    ...         return x * self.factor
    >>> Scale()(lapis.Input((3,))).shape
    (None, 3)
    """

    activity_regularizer: Any
    autocast: bool
    _built: bool
    _build_shapes: dict | None
    _given_input_shape: tuple | None
    _overrides_build = False
    _on_host = False  # whether it computes in NumPy, before what is compiled
    _by_sample = False  # whether a sample gives the same whenever and with whichever others it is put in
    _defines_mask = False
    input_spec: Any = None  # what inputs must look like: an `InputSpec` or a nest of them
    _convert_input_args = True
    _allow_non_tensor_positional_args = False
    supports_masking = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "build" in cls.__dict__:
            cls.build = _building(cls.__dict__["build"])
            cls._overrides_build = True
        if "compute_mask" in cls.__dict__:
            cls._defines_mask = cls.supports_masking = True

    def __init__(
        self,
        *,
        activity_regularizer: Any = None,
        trainable: bool = True,
        dtype: Any = None,
        autocast: bool = True,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        self._start_tracking(bool(trainable))
        Operation.__init__(self, name)
        shape = kwargs.pop("input_shape", None)
        if shape is None and "input_dim" in kwargs:
            shape = (kwargs.pop("input_dim"),)
        if kwargs:
            raise ValueError(unknown_arguments(type(self), kwargs))
        self.__dict__.update(
            activity_regularizer=None if activity_regularizer is None else get_regularizer(activity_regularizer),
            _dtype_policy=_computable(dtype_policies.get(dtype), self.name),
            autocast=autocast,
            _built=False,
            _build_shapes=None,
            _given_input_shape=None if shape is None else tuple(shape),
        )
        self._take_remat_mode()

    # What it is

    @property
    def built(self) -> bool:
        """Whether all state has been made; at once for a layer that has none to make."""
        return self._built or not (self._overrides_build or self._layers or self._builds_in_call)

    @built.setter
    def built(self, value: bool) -> None:
        self.__dict__["_built"] = value

    _builds_in_call = False

    @property
    def dtype_policy(self) -> Any:
        """The policy that says which types the layer computes in and stores."""
        policy = self._dtype_policy
        return policy[self.path] if isinstance(policy, dtype_policies.DTypePolicyMap) else policy

    @dtype_policy.setter
    def dtype_policy(self, value: Any) -> None:
        self.__dict__["_dtype_policy"] = _computable(dtype_policies.get(value), self.name)
        changed()

    @property
    def dtype(self) -> str:
        """The type of the weights."""
        return self.variable_dtype

    @property
    def compute_dtype(self) -> str:
        """The type that the layer computes in."""
        return self.dtype_policy.compute_dtype

    @property
    def variable_dtype(self) -> str:
        """The type of the weights."""
        return self.dtype_policy.variable_dtype

    @property
    def input_dtype(self) -> str:
        """The type that floating-point inputs are cast to."""
        return self.compute_dtype

    # State

    def build(self, *args: Any, **kwargs: Any) -> None:
        """Make the layer's weights, `build(self, input_shape)` in a subclass; by default there are none to make."""
        self.built = True

    def add_weight(
        self,
        shape: Any = None,
        initializer: Any = None,
        dtype: Any = None,
        trainable: bool = True,
        autocast: bool = True,
        regularizer: Any = None,
        constraint: Any = None,
        aggregation: str = "none",
        overwrite_with_gradient: bool = False,
        name: str | None = None,
    ) -> Variable:
        """Make a variable of the layer.

        Args:
            shape: its shape; `()` when not given.
            initializer: its first value; Glorot-uniform for floating-point variables, zeros for others.
            dtype: its type; the policy's variable type when not given.
            trainable: whether training changes it.
            autocast: whether a mixed-precision policy casts it when read.
            regularizer: a penalty on it, added to the loss.
            constraint: applied to it after each step.
            aggregation: how replicas are combined.
            overwrite_with_gradient: whether the optimizer puts the gradient in its place.
            name: its name.
        """
        dtype = self.variable_dtype if dtype is None else standardize_dtype(dtype)
        if not isinstance(initializer, Initializer):
            initializer = get_initializer(default_initializer(dtype) if initializer is None else initializer)
        shape = () if shape is None else shape
        if scopes.callers and scopes.callers[-1] is self:
            variable = Variable(initializer, shape, dtype, trainable, autocast, aggregation, name=name)
        else:
            with name_scope(self.name, caller=self):
                variable = Variable(initializer, shape, dtype, trainable, autocast, aggregation, name=name)
        base, count = variable._path, 0
        for other in self._trainable_variables + self._non_trainable_variables:
            if other._path == variable._path:  # two variables never share a path
                count += 1
                variable._path = f"{base}_{count}"
        if regularizer is not None:
            variable.regularizer = get_regularizer(regularizer)
        if constraint is not None:
            variable.constraint = get_constraint(constraint)
        if overwrite_with_gradient:
            variable.overwrite_with_gradient = True
        self._track_variable(variable, variable._name)
        if not self._trainable:
            variable.trainable = False
        return variable

    def add_variable(
        self,
        shape: Any,
        initializer: Any,
        dtype: Any = None,
        trainable: bool = True,
        autocast: bool = True,
        regularizer: Any = None,
        constraint: Any = None,
        name: str | None = None,
    ) -> Variable:
        """The same as `add_weight`."""
        return self.add_weight(shape, initializer, dtype, trainable, autocast, regularizer, constraint, name=name)

    # Calling

    @overload
    def __call__(self, inputs: KerasTensor, /, *args: Any, **kwargs: Any) -> KerasTensor: ...
    @overload
    def __call__(self, *args: Any, **kwargs: Any) -> Any: ...
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if "_dtype_policy" not in self.__dict__:
            raise RuntimeError(f"Call `super().__init__()` in {type(self).__name__}.__init__ before using the layer.")
        signature = signature_of(type(self).call)
        outer = calls.context
        context = outer or CallContext()
        training = kwargs.pop("training", None) if kwargs and not signature.takes_training else None
        simple = len(args) == 1 and not kwargs and args[0].__class__ is KerasTensor  # the most common call, kept short
        symbolic = simple or any_symbolic(args, kwargs)
        given_args, given_kwargs = args, kwargs
        callers, path, outer_training = scopes.callers, scopes.path, context.training
        if not callers or callers[-1] is not self:
            scopes.callers = (*callers, self)
            scopes.path = f"{path}/{self.name}" if path else self.name
        try:
            if not symbolic:
                args, kwargs = self._to_tensors(args), self._to_tensors(kwargs) if kwargs else kwargs
            arguments = signature.bind(args, kwargs, self)
            if not simple and not self._allow_non_tensor_positional_args:
                self._check_positional(args)
            first = next(iter(arguments.values()), None)
            if self.input_spec is not None:
                check_inputs(self.input_spec, first, self)
            tensors = arguments if simple else tensor_arguments(arguments, self)
            previous_mask = None
            if not simple or hasattr(first, "_keras_mask"):
                kwargs, previous_mask = self._add_masks(kwargs, arguments, tensors, signature, first)
            if not self._built:
                self._build_for({**arguments, **kwargs}, tensors, signature, first)
            for value in (arguments.get("training"), outer_training, signature.defaults.get("training")):
                # An explicit argument, else that of the outer call, else the default in the signature.
                training = value if training is None else training
            if training is not None and signature.takes_training:
                args, kwargs = signature.replace("training", training, args, kwargs)
            calls.context, context.training = context, training
            spec_of = self.compute_output_spec
            outputs = spec_of(*args, **kwargs) if symbolic else self._call_on_arrays(args, kwargs)
            if previous_mask is not None or self._defines_mask:
                self._pass_mask(first, outputs, previous_mask)
            if symbolic:
                Node(self, given_args, given_kwargs, outputs)
        except Exception as error:
            note_call(error, scopes.path, self, given_args, given_kwargs, type(self).call)
            shorten(error)
            raise
        finally:
            calls.context, context.training, scopes.callers, scopes.path = outer, outer_training, callers, path
        return outputs

    def symbolic_call(self, *args: Any, **kwargs: Any) -> Any:
        """The symbolic outputs of a call, recorded as a node."""
        return self(*args, **kwargs)

    def _to_tensors(self, value: Any) -> Any:
        """Arrays of any kind as JAX arrays, floating-point ones in the compute type."""
        if not self._convert_input_args:
            return value
        target = self.input_dtype if self.autocast else None
        if value.__class__ is tuple and len(value) == 1 and not isinstance(value[0], (list, tuple, dict)):
            return (to_tensor(value[0], target),)
        return nest.map_structure(lambda x: to_tensor(x, target), value)

    def _check_positional(self, args: tuple) -> None:
        for arg in args:
            if arg.__class__ is KerasTensor:
                continue
            for leaf in nest.flatten(arg):
                if leaf is not None and not is_tensor(leaf):
                    raise ValueError(
                        f"The layer {self.path!r} takes only tensors as positional arguments; pass {leaf!r} "
                        f"({type(leaf).__name__}) by its name."
                    )

    def _build_for(self, arguments: dict, tensors: dict, signature: Signature, first: Any) -> None:
        if not self._overrides_build and not self._layers and not self._builds_in_call:
            self._lock(shape_of(first) if is_tensor(first) else None)
            return
        shapes = {}
        for name, value in tensors.items():
            if name != "mask" and name in signature.all:
                shapes[f"{name}_shape"] = value.shape if value.__class__ is KerasTensor else shape_of(value)
        if self._overrides_build:
            self.build(**build_arguments(type(self).build, shapes, signature.all, self))
            if self.input_spec is not None:
                check_inputs(self.input_spec, first, self)
        elif self._builds_in_call or any(not layer.built for layer in self._layers):
            self._build_by_tracing(arguments, signature)
        if not self._built:
            self._lock(next(iter(shapes.values()), None))

    def _build_by_tracing(self, arguments: dict, signature: Signature) -> None:
        """Let the layers inside make their weights, by tracing `call` without running it."""
        if inferring():
            return  # the trace under way builds them
        named = {k: as_spec(v) for k, v in arguments.items() if k in signature.all or signature.var_keyword}
        outer, calls.context = calls.context, calls.context or CallContext()
        try:
            infer_call(self.call, (), named)
        except Exception:
            if any_symbolic(arguments):
                raise
            # With real arrays, the call that follows builds what is missing, or raises the error where it is.
        finally:
            calls.context = outer

    def _lock(self, shape: Any = None) -> None:
        self.__dict__["_built"] = True
        changed()
        # As in Keras's files, layers of the library that make no state keep no shape.
        if self.__dict__["_build_shapes"] is None and shape is not None and "_builtin" not in type(self).__dict__:
            self.__dict__["_build_shapes"] = {"input_shape": shape}
        if not self._builds_in_call:
            self.__dict__["_locked"] = True

    def _add_masks(
        self, kwargs: dict, arguments: dict, tensors: dict, signature: Signature, first: Any
    ) -> tuple[dict, Any]:
        """The keyword arguments with masks that inputs carry filled in, and the mask of the first input."""
        given = arguments.get("mask") if signature.takes_mask else None
        carried = {name: mask for name, mask in zip(tensors, map(masks_of, tensors.values())) if mask is not None}
        if not carried:
            return kwargs, given
        if len(tensors) == 1:
            ((_, mask),) = carried.items()
            if signature.takes_mask and given is None:
                kwargs = {**kwargs, "mask": mask}
            return kwargs, mask if given is None else given
        for argument, mask in carried.items():
            mask_name = signature.mask_names.get(argument)
            if mask_name and arguments.get(mask_name) is None:
                kwargs = {**kwargs, mask_name: mask}
        return kwargs, masks_of(first) if given is None else given

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """Symbolic tensors of the shapes and types that a call would return, found by tracing it."""
        return infer_call(self._call_on_converted, args, kwargs)

    def _call_on_converted(self, *args: Any, **kwargs: Any) -> Any:
        if len(args) == 1 and not kwargs and getattr(args[0], "dtype", None) == self.compute_dtype:
            return self._call_on_arrays(args, kwargs)
        return self._call_on_arrays(self._to_tensors(args), self._to_tensors(kwargs) if kwargs else kwargs)

    def _call_on_arrays(self, args: tuple, kwargs: dict) -> Any:
        policy = self._dtype_policy
        if policy.__class__ is dtype_policies.DTypePolicyMap:
            policy = self.dtype_policy
        compute = policy.compute_dtype if self.autocast and is_float_dtype(policy.compute_dtype) else None
        outer = scopes.autocast
        if outer is not None or compute != policy.variable_dtype:
            scopes.autocast = compute
        try:
            call = self.call if self._remat_mode is None else self.rematerialized_call(self.call, *args, **kwargs)
            if scopes.around is not None:
                call = scopes.around(self, call)
            outputs = call(*args, **kwargs)
            if watching.watch is not None:
                watching.watch.layer(self, (args, kwargs), outputs)
        finally:
            scopes.autocast = outer
        if self.activity_regularizer is not None:
            for output in nest.flatten(outputs):
                if is_tensor(output):
                    loss = self.activity_regularizer(output)
                    self.add_loss(loss / output.shape[0] if output.ndim and output.shape[0] != 0 else loss)
        return outputs

    def _mixes_rows(self, ranks: list[int], training: bool) -> bool:
        """Whether an output's row may depend on other rows of the batch, for inputs with so many axes.

        It speaks for layers of the library itself, without those that it wraps.
        """
        return False

    def output_dims(self, *args: Any, **kwargs: Any) -> Any:
        return output_dims(self, args or tuple(kwargs.values()))

    # Masks

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        """The mask of the outputs, from the inputs and theirs; by default theirs."""
        return previous_mask

    def _pass_mask(self, inputs: Any, outputs: Any, previous_mask: Any) -> None:
        if not self.supports_masking:
            signature = signature_of(type(self).call)
            uses_it = signature.takes_mask or signature.mask_names
            lost = previous_mask is not None and any(m is not None for m in nest.flatten(previous_mask))
            if lost and not uses_it and "_mask_loss_told" not in self.__dict__:  # not again whenever it is traced
                self.__dict__["_mask_loss_told"] = True
                message = _MASK_LOST.format(cls=type(self).__name__)
                source = calling_line() if any_symbolic(inputs) else None  # a running graph was called elsewhere
                finding = Finding("mask-lost", "warning", message, _MASK_MAY_PASS, self.path, source)
                tell([finding], stacklevel=frames_inside())
            return
        flat = [x for x in nest.flatten(outputs) if x is not None]
        if all(get_mask(x) is not None for x in flat):
            return  # `call` set them itself
        mask = self.compute_mask(inputs, previous_mask)
        if mask is None:
            return
        for x, one in zip(flat, nest.flatten(mask)):  # of several inputs' masks, the first for a single output
            if get_mask(x) is None and one is not None:
                set_mask(x, one)

    # The rest of Keras's interface

    def add_metric(self, *args: Any, **kwargs: Any) -> None:
        """Not available, as in Keras 3: assign a metric to an attribute and update it in `call`."""
        raise NotImplementedError("Assign a metric to an attribute of the layer and call its `update_state` in `call`.")

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}, built={self.built}>"


def _computable(policy: Any, name: str) -> Any:
    policies = [policy, *policy.values()] if isinstance(policy, dtype_policies.DTypePolicyMap) else [policy]
    for one in policies:
        if one.quantization_mode is not None:
            raise NotImplementedError(
                f"The layer {name!r} got the policy {one.name!r}, but layers are not quantized; take "
                f"{one.get_config()['source_name']!r}, or 'mixed_bfloat16' for half of the memory."
            )
    if policy.compute_dtype == "float64":
        require_x64(policy.compute_dtype, f"layer {name!r}")
    return policy


def _building(build: Callable) -> Callable:
    """`build` in the layer's name scope; the outermost one marks the layer as built and keeps the shapes."""

    @functools.wraps(build)
    def wrapper(self: Layer, *args: Any, **kwargs: Any) -> None:
        if self.__dict__.get("_in_build"):
            build(self, *args, **kwargs)
            return
        self.__dict__["_in_build"] = True
        callers, path = scopes.callers, scopes.path
        if not callers or callers[-1] is not self:
            scopes.callers = (*callers, self)
            scopes.path = f"{path}/{self.name}" if path else self.name
        self.__dict__["_path"] = scopes.path
        before = tuple(map(len, self._held_lists))
        try:
            build(self, *args, **kwargs)
        except BaseException as error:
            self._forget_after(before)  # so that a second attempt starts afresh
            note_call(error, scopes.path, self, args, kwargs, build)
            shorten(error)
            raise
        finally:
            scopes.callers, scopes.path = callers, path
            del self.__dict__["_in_build"]
        if not self._trainable:
            self.trainable = False  # for the layers inside too
        names = signature_of(build).names
        self.__dict__["_build_shapes"] = {**dict(zip(names, args)), **kwargs}
        self._lock()

    return wrapper
