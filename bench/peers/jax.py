#!/usr/bin/env python3
"""JAX on our two networks, with data and updates resident on the GPU.

jit    a step is one compiled call; the images lie on the GPU, and the call takes the number of its batch
scan   an epoch is one compiled call: lax.scan over its full batches, then the last, smaller one

Each trains on the same 40,000 images in the same order, in batches of 128 and a last one of 64, and the loss is added
up on the GPU and read once an epoch. The update is Lasagne's: v' = m·v - lr·g, p' = p + m·v' - lr·g. Parameters,
velocities and the loss are donated, so that nothing is copied. Layers are in channels-first order. --math fp32 asks for full
precision in products and convolutions, where JAX's own default on such a GPU is TF32; --math tf32 is that default.
Compiling is not timed: each variant trains an epoch first, from which it is then set back.
"""

import os
import sys

import common

common.forget_this_folder()
os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
args = common.arguments(__doc__.splitlines()[0], ["jit", "scan"])
if args.device == "cpu":
    os.environ["JAX_PLATFORMS"] = "cpu"
import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402
from jax import lax  # noqa: E402

jax.config.update("jax_default_matmul_precision", "highest" if args.math == "fp32" else "tensorfloat32")
if args.device == "cuda" and jax.default_backend() != "gpu":
    sys.exit(f"JAX {jax.__version__} finds no GPU, only {jax.default_backend()}.")
device_name = jax.devices()[0].device_kind


def parameters(name):
    """Weights as (in, out) and (out, in, height, width), each followed by its bias."""
    random = np.random.default_rng(42)
    shapes = [(1024, 100), (100, 10)] if name == "mlp" else [
        (16, 1, 3, 3), (32, 16, 2, 2), (64, 32, 2, 2), (576, 200), (200, 10)]
    return [value for shape in shapes for value in (
        jnp.asarray(common.glorot(random, shape)), jnp.zeros(shape[0] if len(shape) == 4 else shape[1]))]


def convolve(x, w, b):
    x = lax.conv_general_dilated(x, w, (1, 1), "VALID", dimension_numbers=("NCHW", "OIHW", "NCHW"))
    x = jax.nn.relu(x + b[:, None, None])
    return lax.reduce_window(x, -jnp.inf, lax.max, (1, 1, 2, 2), (1, 1, 2, 2), "VALID")


def scores(p, x):
    while p[0].ndim == 4:
        x = convolve(x, *p[:2])
        p = p[2:]
    x = x.reshape(x.shape[0], -1)
    while len(p) > 2:
        x = jax.nn.relu(x @ p[0] + p[1])
        p = p[2:]
    return x @ p[0] + p[1]


def loss_of(p, x, y):
    return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(scores(p, x)), y[:, None], 1))


class Training:
    """A network with its data on the device, which trains an epoch at a time."""

    def __init__(self, name, variant, data):
        (x, y), _, test = [tuple(jnp.asarray(a) for a in part) for part in data]
        self.x, self.y, self.test = x, y, test
        self.name, self.count = name, len(y)
        self.full, self.rest = divmod(self.count, common.BATCH)
        rate, momentum = common.LEARNING_RATE[name], common.MOMENTUM

        def step(state, x, y, start, size):
            p, v, total = state
            batch = lax.dynamic_slice_in_dim(x, start, size), lax.dynamic_slice_in_dim(y, start, size)
            loss, grads = jax.value_and_grad(loss_of)(p, *batch)
            v = [momentum * v - rate * g for v, g in zip(v, grads)]
            p = [p + momentum * v - rate * g for p, v, g in zip(p, v, grads)]
            return p, v, total + loss * size

        def epoch(state, x, y):
            starts = jnp.arange(self.full) * common.BATCH
            state, _ = lax.scan(lambda s, start: (step(s, x, y, start, common.BATCH), None), state, starts)
            return step(state, x, y, self.full * common.BATCH, self.rest) if self.rest else state

        self.step = jax.jit(step, static_argnums=4, donate_argnums=0)
        self.scan = jax.jit(epoch, donate_argnums=0)
        self.steps = self.scanned if variant == "scan" else self.stepped
        self.reset()
        self.epoch()
        self.reset()

    def reset(self):
        p = parameters(self.name)
        self.state = jax.block_until_ready((p, [jnp.zeros_like(a) for a in p], jnp.zeros(())))

    def scanned(self, state):
        return self.scan(state, self.x, self.y)

    def stepped(self, state):
        for batch in range(self.full):
            state = self.step(state, self.x, self.y, batch * common.BATCH, common.BATCH)
        if self.rest:
            state = self.step(state, self.x, self.y, self.full * common.BATCH, self.rest)
        return state

    def epoch(self):
        self.state = self.steps((*self.state[:2], jnp.zeros(())))
        jax.block_until_ready(self.state)
        return float(self.state[2]) / self.count

    def accuracy(self):
        x, y = self.test
        right = sum(int((scores(self.state[0], x[i:i + 1000]).argmax(1) == y[i:i + 1000]).sum())
                    for i in range(0, len(x), 1000))
        return right / len(x)


def report(bench, item, who, seconds, **more):
    common.report(args, bench, item, f"jax-{who}", jax.__version__, device_name, seconds, **more)


def train(name, variant, data):
    training = Training(name, variant, data)
    losses, seconds = [], []
    for _ in range(args.epochs + 1):
        seconds.append(common.clock(lambda: losses.append(training.epoch())))
    report(name, "training epoch", variant, seconds[1:], losses=losses, test_accuracy=training.accuracy())


def exp(variant):
    x = jax.random.uniform(jax.random.key(1), (common.EXP_NUMBERS,))
    once = jax.jit(jnp.exp)

    def run(times):
        for _ in range(times):
            y = once(x)
        jax.block_until_ready(y)

    seconds = common.measure(run, group=common.EXP_TIMES)
    report("exp", "230400, 1000 times", variant, [second * common.EXP_TIMES for second in seconds])


def gemm(variant):
    product = jax.jit(jnp.matmul)
    for m, k, n in common.PRODUCTS:
        a, b = (jax.random.uniform(jax.random.key(i), shape, minval=-0.5, maxval=0.5)
                for i, shape in enumerate([(m, k), (k, n)]))

        def run(times):
            for _ in range(times):
                c = product(a, b)
            jax.block_until_ready(c)

        seconds = common.measure(run, group=16)
        gflops = 2 * m * k * n / sorted(seconds)[len(seconds) // 2] / 1e9
        report("gemm", f"{m}x{k}x{n}", variant, seconds, gflops=gflops)


failed = False
for name in args.names:
    if name in ("exp", "gemm"):
        if "jit" in args.variants:
            failed |= common.try_each(["jit"], exp if name == "exp" else gemm)
    else:
        images = common.load(args.data)
        failed |= common.try_each(args.variants, lambda variant: train(name, variant, images))
sys.exit(1 if failed else 0)
