"""What decides what tests draw by chance: ``DICOT_SEED`` repeats a run that told its seed."""

import os
import random

SEED = os.environ.get("DICOT_SEED") or str(random.randrange(10**6))
