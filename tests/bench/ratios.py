"""What a benchmark's ratios have in common: targets with name, accept and aim."""

import fnmatch
import os
import statistics
import sys


def chosen(targets, names):
    """The targets that --only names, with * and ?; all without it."""
    if names is None:
        return targets
    patterns = names.split(",")
    for pattern in patterns:
        if not fnmatch.filter([target.name for target in targets], pattern):
            raise RuntimeError(f"--only: no ratio is called \"{pattern}\"")
    return [target for target in targets
            if any(fnmatch.fnmatch(target.name, p) for p in patterns)]


def ratios_of(samples):
    """Of each target: median, min, max, accept, aim; from its
    [(numerator, denominator)]."""
    ratios = {}
    for target, pairs in samples.items():
        values = [a / b for a, b in pairs]
        ratios[target.name] = {
            "median": statistics.median(values), "min": min(values),
            "max": max(values), "accept": target.accept, "aim": target.aim}
    return ratios


def exit_code(ratios):
    """1 if one is missed."""
    return 1 if any(r["median"] < r["accept"] for r in ratios.values()) else 0


def run_as_program(main):
    """Ends with main's exit code, or with 2 when it raises."""
    try:
        sys.exit(main())
    except Exception as error:  # never 1, which says something else
        print(f"{os.path.basename(sys.argv[0])}: {error}", file=sys.stderr)
        sys.exit(2)
