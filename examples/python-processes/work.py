"""Works until it is asked to stop."""

import signal
import time

RUNNING = [True]
signal.signal(signal.SIGTERM, lambda *_: RUNNING.clear())
print("working", flush=True)
while RUNNING:
    time.sleep(0.1)
