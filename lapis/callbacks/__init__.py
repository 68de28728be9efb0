"""Callbacks: what is told of the moments of training, evaluation and prediction."""

from lapis.callbacks.backup_and_restore import BackupAndRestore as BackupAndRestore
from lapis.callbacks.callback import Callback as Callback
from lapis.callbacks.callback_list import CallbackList as CallbackList
from lapis.callbacks.csv_logger import CSVLogger as CSVLogger
from lapis.callbacks.early_stopping import EarlyStopping as EarlyStopping
from lapis.callbacks.history import History as History
from lapis.callbacks.lambda_callback import LambdaCallback as LambdaCallback
from lapis.callbacks.learning_rates import LearningRateScheduler as LearningRateScheduler
from lapis.callbacks.learning_rates import ReduceLROnPlateau as ReduceLROnPlateau
from lapis.callbacks.logs import to_python as to_python
from lapis.callbacks.model_checkpoint import ModelCheckpoint as ModelCheckpoint
from lapis.callbacks.monitor import MonitorCallback as MonitorCallback
from lapis.callbacks.orbax_checkpoint import OrbaxCheckpoint as OrbaxCheckpoint
from lapis.callbacks.progbar import Progbar as Progbar
from lapis.callbacks.progbar_logger import ProgbarLogger as ProgbarLogger
from lapis.callbacks.remote_monitor import RemoteMonitor as RemoteMonitor
from lapis.callbacks.swap_ema_weights import SwapEMAWeights as SwapEMAWeights
from lapis.callbacks.tensorboard import TensorBoard as TensorBoard
from lapis.callbacks.terminate_on_nan import TerminateOnNaN as TerminateOnNaN
