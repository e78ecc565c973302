"""Many runs of `style_transfer`, over all cores or a cluster."""

from nstlib.experiments.sweeps import Sweep, sweep

__all__ = ["Sweep", "sweep"]
