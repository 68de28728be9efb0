"""Lapis beside Keras, PyTorch and Flax: the same models, data and optimizers, interleaved on one machine.

python -m benchmarks               makes each peer's environment, runs the list, writes JSON, Markdown and a chart
python -m benchmarks.limits        this machine's matrix rate and memory bandwidth
python -m benchmarks.overhead      Python calls made by one `Dense(64)(x)`
python -m benchmarks.child PEER WORK   one measurement, one line of JSON
"""
