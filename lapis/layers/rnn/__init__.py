"""Recurrent layers, their cells, and the layers around them."""

from lapis.layers.rnn.bidirectional import Bidirectional as Bidirectional
from lapis.layers.rnn.conv_lstm import ConvLSTM1D as ConvLSTM1D
from lapis.layers.rnn.conv_lstm import ConvLSTM2D as ConvLSTM2D
from lapis.layers.rnn.conv_lstm import ConvLSTM3D as ConvLSTM3D
from lapis.layers.rnn.gru import GRU as GRU
from lapis.layers.rnn.gru import GRUCell as GRUCell
from lapis.layers.rnn.lstm import LSTM as LSTM
from lapis.layers.rnn.lstm import LSTMCell as LSTMCell
from lapis.layers.rnn.rnn import RNN as RNN
from lapis.layers.rnn.simple_rnn import SimpleRNN as SimpleRNN
from lapis.layers.rnn.simple_rnn import SimpleRNNCell as SimpleRNNCell
from lapis.layers.rnn.stacked_rnn_cells import StackedRNNCells as StackedRNNCells
from lapis.layers.rnn.time_distributed import TimeDistributed as TimeDistributed
