#!/usr/bin/env python3
"""PyTorch's DistributedDataParallel over gloo: ranks of one thread each share the batches of our CNN.

Each rank trains its part of every batch of 128; its gradients are summed in buckets during the backward pass. Times are
those of epochs after the first one. Beside it, on the same machine:

    mpirun -n RANKS runner cnn --threads 1 --data DIR
"""

import argparse
import statistics
import time

import common
import torch
from torch import distributed, multiprocessing, nn
from torch.nn import functional


def network():
    torch.manual_seed(1)
    pool = lambda: nn.MaxPool2d(2)
    return nn.Sequential(
        nn.Conv2d(1, 16, 3), nn.ReLU(), pool(), nn.Conv2d(16, 32, 2), nn.ReLU(), pool(),
        nn.Conv2d(32, 64, 2), nn.ReLU(), pool(), nn.Flatten(), nn.Linear(576, 200), nn.ReLU(), nn.Linear(200, 10))


def train(rank, ranks, args, data):
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", init_method=f"tcp://127.0.0.1:{args.port}", rank=rank, world_size=ranks)
    model = network()
    net = nn.parallel.DistributedDataParallel(model) if ranks > 1 else model
    optimizer = torch.optim.SGD(
        net.parameters(), common.LEARNING_RATE["cnn"], momentum=common.MOMENTUM, nesterov=True)
    x, y = torch.from_numpy(data[0]), torch.from_numpy(data[1]).long()
    share = common.BATCH // ranks
    seconds = []
    for _ in range(args.epochs + 1):
        distributed.barrier()
        start = time.perf_counter()
        for first in range(0, len(x) // common.BATCH * common.BATCH, common.BATCH):
            own = slice(first + (rank * share), first + ((rank + 1) * share))
            optimizer.zero_grad(set_to_none=True)
            functional.cross_entropy(net(x[own]), y[own]).backward()
            optimizer.step()
        distributed.barrier()
        seconds.append(time.perf_counter() - start)
    if rank == 0:
        timed = seconds[1:]
        print(
            f"{ranks} ranks of 1 thread, PyTorch {torch.__version__}: an epoch of {len(x)} images takes "
            f"{min(timed):.2f} - {statistics.median(timed):.2f} - {max(timed):.2f} s", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", help="the folder that holds cifar-10-batches-bin or -py; else images are noise")
    parser.add_argument("--epochs", type=int, default=5, help="epochs to time, after one to warm up [5]")
    parser.add_argument("--ranks", default="1,2", help="numbers of ranks, each a power of two [1,2]")
    parser.add_argument("--port", type=int, default=29511, help="the port of the first rank [29511]")
    args = parser.parse_args()
    images = common.load(args.data)[0]
    for ranks in map(int, args.ranks.split(",")):
        multiprocessing.spawn(train, (ranks, args, images), nprocs=ranks)
