"""From rows to finished answers: which namespaces count, what is listed, in which order, with which joins."""
