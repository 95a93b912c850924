"""`python -m wavegen` is `wavegen`, also under torchrun."""

import sys

from wavegen.cli.main import main

sys.exit(main())
