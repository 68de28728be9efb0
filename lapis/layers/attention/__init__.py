"""Layers in which each place of a sequence looks at the others."""

from lapis.layers.attention.attention import AdditiveAttention as AdditiveAttention
from lapis.layers.attention.attention import Attention as Attention
from lapis.layers.attention.grouped_query_attention import GroupedQueryAttention as GroupedQueryAttention
from lapis.layers.attention.grouped_query_attention import GroupQueryAttention as GroupQueryAttention
from lapis.layers.attention.multi_head_attention import MultiHeadAttention as MultiHeadAttention
