"""The commands of `nstlib`. PyTorch is loaded when one of them needs it, so that help and errors come at once."""
