#!/usr/bin/env python3
"""PyTorch on our two networks, with data and updates resident on the GPU.

eager          as everybody writes it, with the fused SGD
compile        forward, loss and backward through torch.compile
graph          eager, a whole epoch captured by hand as one CUDA graph
compile-graph  what torch.compile made, captured likewise

Each trains on the same 40,000 images in the same order, in batches of 128 and a last one of 64; the loss is added up on
the GPU and read once an epoch. PyTorch's Nesterov, v = m·v + g and p -= lr·(g + m·v), is Lasagne's for a constant rate.
Layers are in channels-first order. --math fp32 forbids TF32 in products and in convolutions (where PyTorch's own
default is TF32); --math tf32 allows it in both. Warming up, compiling and capturing are not timed; parameters are then
set back, so that what is timed is the training from its first step.
"""

import sys

import common

common.forget_this_folder()
import numpy as np  # noqa: E402
import torch  # noqa: E402
from torch import nn  # noqa: E402
from torch.nn import functional  # noqa: E402

VARIANTS = ["eager", "compile", "graph", "compile-graph"]
args = common.arguments(__doc__.splitlines()[0], VARIANTS)
device = torch.device(args.device)
on_gpu = device.type == "cuda"
device_name = torch.cuda.get_device_name() if on_gpu else "cpu"
torch.set_float32_matmul_precision("highest" if args.math == "fp32" else "high")
torch.backends.cudnn.allow_tf32 = args.math == "tf32"
torch.backends.cudnn.benchmark = True


def wait():
    if on_gpu:
        torch.cuda.synchronize()


def capture(work):
    """What launches the work as one CUDA graph; it must have run before, on another stream than the default one."""
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        work()
    return graph.replay


def warm(work, times):
    """Runs work on a side stream, as capturing asks for."""
    if not on_gpu:
        for _ in range(times):
            work()
        return
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(times):
            work()
    torch.cuda.current_stream().wait_stream(stream)
    wait()


def network(name, random):
    relu, pool = nn.ReLU, lambda: nn.MaxPool2d(2)
    if name == "mlp":
        layers = [nn.Flatten(), nn.Linear(1024, 100), relu(), nn.Linear(100, 10)]
    else:
        layers = [
            nn.Conv2d(1, 16, 3), relu(), pool(), nn.Conv2d(16, 32, 2), relu(), pool(),
            nn.Conv2d(32, 64, 2), relu(), pool(), nn.Flatten(), nn.Linear(576, 200), relu(), nn.Linear(200, 10),
        ]
    net = nn.Sequential(*layers)
    with torch.no_grad():
        for parameter in net.parameters():
            shape = tuple(parameter.shape)
            value = common.glorot(random, shape) if len(shape) > 1 else np.zeros(shape, np.float32)
            parameter.copy_(torch.from_numpy(value))
    return net.to(device)


class Training:
    """A network with its data on the device, which trains an epoch at a time."""

    def __init__(self, name, variant, data):
        train, _, self.test = [tuple(torch.from_numpy(a).to(device) for a in part) for part in data]
        self.x, self.y = train[0], train[1].long()
        self.count = len(self.x)
        self.net = network(name, np.random.default_rng(42))
        loss = lambda x, y: functional.cross_entropy(self.net(x), y)
        self.loss = torch.compile(loss, dynamic=False) if variant.startswith("compile") else loss
        self.optimizer = torch.optim.SGD(
            self.net.parameters(), common.LEARNING_RATE[name], momentum=common.MOMENTUM, nesterov=True,
            fused=True if on_gpu else None)
        self.total = torch.zeros((), device=device)
        first = [parameter.detach().clone() for parameter in self.net.parameters()]

        # Both batch sizes, so that compilation, selection and allocation happen before the clock runs.
        last = self.count // common.BATCH * common.BATCH
        starts = [0, last] if last < self.count else [0]
        warm(lambda: [self.step(start) for start in starts], times=5)
        self.optimizer.zero_grad(set_to_none=True)
        self.run = capture(self.steps) if variant.endswith("graph") else self.steps
        with torch.no_grad():
            for parameter, value in zip(self.net.parameters(), first):
                parameter.copy_(value)
                self.optimizer.state[parameter]["momentum_buffer"].zero_()
        wait()

    def step(self, start):
        x, y = self.x[start:start + common.BATCH], self.y[start:start + common.BATCH]
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.loss(x, y)
        loss.backward()
        self.optimizer.step()
        self.total.add_(loss.detach(), alpha=len(x))

    def steps(self):
        for start in range(0, self.count, common.BATCH):
            self.step(start)

    def epoch(self):
        self.total.zero_()
        self.run()
        return self.total.item() / self.count

    @torch.no_grad()
    def accuracy(self):
        x, y = self.test
        right = sum((self.net(x[i:i + 1000]).argmax(1) == y[i:i + 1000]).sum() for i in range(0, len(x), 1000))
        return right.item() / len(x)


def report(bench, item, who, seconds, **more):
    version = f"{torch.__version__}, cuDNN {torch.backends.cudnn.version()}" if on_gpu else torch.__version__
    common.report(args, bench, item, f"pytorch-{who}", version, device_name, seconds, **more)


def train(name, variant, data):
    training = Training(name, variant, data)
    losses, seconds = [], []
    for _ in range(args.epochs + 1):
        wait()
        seconds.append(common.clock(lambda: losses.append(training.epoch())))
    report(name, "training epoch", variant, seconds[1:], losses=losses, test_accuracy=training.accuracy())


def repeat(work, variant, unrolled):
    """What does the work so many times over and waits: one by one, or as CUDA graphs of several."""
    if variant == "graph":
        warm(work, times=3)
        replay = capture(lambda: [work() for _ in range(unrolled)])

        def run(times):
            for _ in range(-(-times // unrolled)):
                replay()
            wait()
    else:
        def run(times):
            for _ in range(times):
                work()
            wait()
    return run


def exp(variant):
    x = torch.rand(common.EXP_NUMBERS, device=device)
    out = torch.empty_like(x)
    run = repeat(lambda: torch.exp(x, out=out), variant, unrolled=100)
    seconds = common.measure(run, group=common.EXP_TIMES)
    report("exp", "230400, 1000 times", variant, [second * common.EXP_TIMES for second in seconds])


def gemm(variant):
    for m, k, n in common.PRODUCTS:
        a, b = torch.rand(m, k, device=device) - 0.5, torch.rand(k, n, device=device) - 0.5
        out = torch.empty(m, n, device=device)
        run = repeat(lambda: torch.mm(a, b, out=out), variant, unrolled=16)
        seconds = common.measure(run, group=16)
        gflops = 2 * m * k * n / sorted(seconds)[len(seconds) // 2] / 1e9
        report("gemm", f"{m}x{k}x{n}", variant, seconds, gflops=gflops)


variants = [variant for variant in args.variants if on_gpu or not variant.endswith("graph")]
plain = [variant for variant in variants if variant in ("eager", "graph")]
failed = False
for name in args.names:
    if name in ("conv", "ops"):
        print(f"NOTE: {name} is not timed here; libtorch.cs times ops.", file=sys.stderr)
    elif name in ("exp", "gemm"):
        with torch.no_grad():
            failed |= common.try_each(plain, exp if name == "exp" else gemm)
    else:
        images = common.load(args.data)
        failed |= common.try_each(variants, lambda variant: train(name, variant, images))
sys.exit(1 if failed else 0)
