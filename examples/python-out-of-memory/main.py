"""Caches every block it reads and forgets none."""

import sys

BLOCK = 16 * 1024 * 1024
# Without a memory limit the program ends here instead of taking the whole machine.
SAFETY_STOP = 2 * 1024 * 1024 * 1024


def main() -> None:
    cache: list[bytearray] = []
    while len(cache) * BLOCK < SAFETY_STOP:
        # Filled with ones: pages of zeros would not be backed by memory.
        cache.append(bytearray(b"\x01" * BLOCK))
        print(f"cached {len(cache) * BLOCK // (1024 * 1024)} MiB", flush=True)
    sys.exit("no memory limit stopped the program")


if __name__ == "__main__":
    main()
