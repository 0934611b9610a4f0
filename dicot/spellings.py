"""How clients may spell true and false, where OpenStack's services read a text (oslo.utils' strutils.py). A leaf."""

TRUE = frozenset({"1", "t", "true", "on", "y", "yes"})
FALSE = frozenset({"0", "f", "false", "off", "n", "no"})
