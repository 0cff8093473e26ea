"""A Python program with few imports and little to do: STATUS WORD... -> one line of JSON, and that exit status."""
import argparse
import json
import os
import sys

if "PREFORK_INTERP" in os.environ:  # only where prefork-interp starts the script: plain runs load nothing more
    import prefork_interp

    prefork_interp.initialisation_complete()

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("status", type=int)
parser.add_argument("words", nargs="*")
options = parser.parse_args()
print(json.dumps({"count": len(options.words), "words": options.words}))
sys.exit(options.status)
