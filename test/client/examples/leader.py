#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Ask the sidecar whether this pod leads: leader.py POOL [URL]. Prints "leader TOKEN" or "follower"."""
import json
import sys
import urllib.request


def ask(pool, url="http://127.0.0.1:4040"):
    """The answer, or None: then nothing is known, and this pod must not act as the leader."""
    try:
        with urllib.request.urlopen(f"{url}/v1/pools/{pool}", timeout=3) as answer:
            return json.load(answer)
    except OSError:
        return None


if __name__ == "__main__":
    known = ask(*sys.argv[1:3])
    print(f"leader {known['token']}" if known and known["role"] == "leader" else "follower")
