"""What the peers share: CIFAR-10 as our runner prepares it, its split, the clock, and the lines that bench prints."""

import argparse
import json
import os
import pathlib
import pickle
import statistics
import sys
import time

import numpy as np

BATCH = 128
MOMENTUM = 0.9
LEARNING_RATE = {"mlp": 0.01, "cnn": 0.015}
EXP_NUMBERS, EXP_TIMES = 230_400, 1000

# The products of bench/Benches.cs, as m, k, n.
PRODUCTS = [
    (512, 512, 512), (1024, 1024, 1024), (2048, 2048, 2048), (4096, 4096, 4096), (8192, 8192, 8192),
    (128, 1024, 100), (1024, 128, 100), (128, 100, 10), (128, 576, 200), (576, 128, 200), (128, 200, 576),
    (128, 200, 10), (115200, 9, 16), (25088, 64, 32), (4608, 128, 64),
]


def arguments(description, variants):
    """The command line that all peers have."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("names", nargs="*", default=["exp", "gemm", "mlp", "cnn"], help="exp, gemm, mlp, cnn")
    parser.add_argument("--data", help="the folder that holds cifar-10-batches-bin or -py; else images are noise")
    parser.add_argument("--epochs", type=int, default=5, help="epochs to time, after one to warm up [5]")
    parser.add_argument("--variants", default=",".join(variants), help="of " + ", ".join(variants))
    parser.add_argument("--math", choices=["fp32", "tf32"], default="fp32", help="of products and convolutions [fp32]")
    parser.add_argument("--json", help="a file to add the lines of JSON to")
    parser.add_argument("--device", default="cuda", help="cuda, or cpu to try the script itself")
    parsed = parser.parse_args()
    parsed.variants = parsed.variants.split(",")
    unknown = set(parsed.variants) - set(variants)
    if unknown:
        parser.error(f"there is no variant {', '.join(sorted(unknown))}")
    return parsed


def forget_this_folder():
    """Keeps `import jax` from finding the jax.py of this folder."""
    here = pathlib.Path(__file__).resolve().parent
    sys.path[:] = [path for path in sys.path if pathlib.Path(path or ".").resolve() != here]


def load(folder):
    """(train, valid, test), each a pair of float32 (n, 1, 32, 32) from -0.5 to 0.5 and int32 (n) labels."""
    found = folder and next(
        (path for path in (pathlib.Path(folder), *pathlib.Path(folder).glob("cifar-10-batches-*"))
         if (path / "data_batch_1.bin").exists() or (path / "data_batch_1").exists()), None)
    if not found:
        print(f"NOTE: no CIFAR-10 in {folder}: the images are noise, and accuracies mean nothing.", file=sys.stderr)
        random = np.random.default_rng(1)
        make = lambda n: (random.random((n, 1, 32, 32), np.float32) - 0.5, random.integers(0, 10, n, np.int32))
        x, y = make(50_000)
        return (*split(x, y), make(10_000))
    x, y = zip(*(read(found, f"data_batch_{i}") for i in range(1, 6)))
    return (*split(np.concatenate(x), np.concatenate(y)), read(found, "test_batch"))


def read(folder, name):
    """One file of either official format."""
    if (folder / f"{name}.bin").exists():
        rows = np.fromfile(folder / f"{name}.bin", np.uint8).reshape(-1, 3073)
        labels, pixels = rows[:, 0], rows[:, 1:]
    else:
        with open(folder / name, "rb") as file:
            batch = pickle.load(file, encoding="bytes")
        labels, pixels = np.array(batch[b"labels"]), batch[b"data"]
    planes = pixels.reshape(-1, 3, 1024).astype(np.float32)
    gray = 0.299 * planes[:, 0] + 0.587 * planes[:, 1] + 0.114 * planes[:, 2]
    return (gray / 255 - 0.5).astype(np.float32).reshape(-1, 1, 32, 32), labels.astype(np.int32)


def split(x, y):
    """The first fifth of each class validates, as nolearn has it."""
    validates = np.zeros(len(y), bool)
    for label in np.unique(y):
        of_label = np.flatnonzero(y == label)
        validates[of_label[: -(-len(of_label) // 5)]] = True
    return (x[~validates], y[~validates]), (x[validates], y[validates])


def glorot(random, shape):
    """U(-a, a), a = sqrt(6 / ((n1 + n2) · receptive field)), for (out, in, ...) as for (in, out)."""
    a = np.sqrt(6 / ((shape[0] + shape[1]) * np.prod(shape[2:], dtype=float)))
    return random.uniform(-a, a, shape).astype(np.float32)


def measure(run, group=1, min_seconds=0.02, runs=9, patience=2.0):
    """The seconds of one time, one figure a group; run(times) waits for the end of its work."""
    for _ in range(2):
        run(group)
    while clock(run, group) < min_seconds:
        group *= 2
    seconds, spent = [], 0.0
    while len(seconds) < 3 or (len(seconds) < runs and spent < patience):
        seconds.append(clock(run, group))
        spent += seconds[-1]
    return [second / group for second in seconds]


def clock(run, *args):
    start = time.perf_counter()
    run(*args)
    return time.perf_counter() - start


def report(args, bench, item, who, version, device, seconds, **more):
    """One measurement, in the form of bench/Measurement.cs."""
    line = {
        "bench": bench, "item": item, "who": who, "version": version, "device": device, "math": args.math,
        "seconds": {"min": min(seconds), "median": statistics.median(seconds), "max": max(seconds),
                    "runs": len(seconds)},
        **more,
    }
    text = json.dumps(line)
    print(text, flush=True)
    if args.json:
        with open(args.json, "a", encoding="utf-8") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())


def try_each(variants, measure_variant):
    """Measures each variant; one that fails is said to, and the others still have their turn."""
    failed = False
    for variant in variants:
        try:
            measure_variant(variant)
        except Exception as error:  # Whatever a framework throws, the next variant is another matter.
            failed = True
            print(f"NOTE: {variant}: {type(error).__name__}: {str(error)[:1000]}", file=sys.stderr, flush=True)
    return failed
