"""`python -m wavegen` is `wavegen`, also under torchrun."""

import sys

from wavegen.cli.start import main

sys.exit(main())
