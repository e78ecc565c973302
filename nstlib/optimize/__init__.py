"""How an objective is minimised: the loop (`loop`), the sizes (`stages`), and a whole run with its checkpoint and its
result (`run`).
"""

from nstlib.optimize.checkpoint import Checkpoint
from nstlib.optimize.result import Result, Stopped
from nstlib.optimize.run import coarse_to_fine, optimize_image
from nstlib.optimize.stages import Stage, plan_stages

__all__ = ["Checkpoint", "Result", "Stage", "Stopped", "coarse_to_fine", "optimize_image", "plan_stages"]
