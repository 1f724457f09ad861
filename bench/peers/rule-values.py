"""Prints three parameters after 20 steps of each of PyTorch's optimizers, the data of
tests/Training/TorchRuleTests.cs. Lookahead and Muon are written here as their papers have them."""
import torch

torch.set_default_dtype(torch.float64)
optim = torch.optim
X = torch.tensor([[1, -0.5], [0.25, 2], [-1.5, 0.75], [0.5, 0.5]])
Y = torch.tensor([[1.0], [-2], [0.5], [3]])
BETAS = dict(betas=(0.875, 0.9375))


def start():
    values = [[0.5, -0.25, 0.125], [-0.75, 0.375, 1]], [0.25, -0.5, 0.125], [[1], [-0.5], [0.75]]
    return [torch.tensor(value, dtype=torch.float64, requires_grad=True) for value in values]


def show(name, make, clip=None, batches=1, after=None):
    parameters = start()
    w, b, v = parameters
    optimizers = make(parameters)
    for step in range(1, 21):
        (((torch.tanh(X @ w + b) @ v - Y) ** 2).sum() / 8 / batches).backward()
        if step % batches == 0:
            if clip:
                clip(parameters)
            for optimizer in optimizers if isinstance(optimizers, list) else [optimizers]:
                optimizer.step()
                optimizer.zero_grad()
            if after:
                with torch.no_grad():
                    after(parameters, step)
    print(f"{name}:", " ".join(f"{x:.5f}" for p in parameters for x in p.detach().flatten().tolist()))


class Muon(optim.Optimizer):
    """Jordan's published step; matrices are (inputs, outputs), the transposes of its own."""

    def __init__(self, parameters, lr, momentum, decay):
        super().__init__(parameters, dict(lr=lr, momentum=momentum, decay=decay))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                velocity = self.state[p].setdefault("velocity", torch.zeros_like(p))
                velocity.lerp_(p.grad, 1 - group["momentum"])
                update = orthogonal(p.grad.lerp(velocity, group["momentum"]).T)
                update *= max(1, update.shape[0] / update.shape[1]) ** 0.5
                p.mul_(1 - group["lr"] * group["decay"]).add_(update.T, alpha=-group["lr"])


def orthogonal(g):
    x = (g.T if g.shape[0] > g.shape[1] else g) / (g.norm() + 1e-7)
    for _ in range(5):
        a = x @ x.T
        x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
    return x.T if g.shape[0] > g.shape[1] else x


def lookahead(slow):
    def after(parameters, step):
        if step % 5 == 0:
            for p, s in zip(parameters, slow):
                s += (p - s) / 2
                p.copy_(s)
    return after


def shorten(parameters, _):
    for p in parameters:
        if p.dim() == 2:
            p.copy_(torch.renorm(p.T, 2, 0, 1.0).T)


def adam(parameters, **more):
    return optim.Adam(parameters, 0.0625, **BETAS, eps=0, **more)


show("sgd", lambda p: optim.SGD(p, 0.25))
show("momentum", lambda p: optim.SGD(p, 0.125, momentum=0.75))
show("momentum, decay", lambda p: optim.SGD(p, 0.125, momentum=0.75, weight_decay=0.25))
show("nesterov", lambda p: optim.SGD(p, 0.125, momentum=0.75, nesterov=True))
show("adagrad", lambda p: optim.Adagrad(p, 0.25, eps=0))
show("rmsprop", lambda p: optim.RMSprop(p, 0.0625, alpha=0.75, eps=0))
show("adadelta", lambda p: optim.Adadelta(p, 0.5, rho=0.875, eps=2**-10))
show("adam", adam)
show("adam, decay", lambda p: adam(p, weight_decay=0.25))
show("adamax", lambda p: optim.Adamax(p, 0.0625, **BETAS, eps=1e-38))
show("amsgrad", lambda p: optim.Adam(p, 0.0625, betas=(0.875, 0.5), eps=0, amsgrad=True))
show("adamw", lambda p: optim.AdamW(p, 0.0625, **BETAS, eps=2**-7, weight_decay=0.25))
show("clip by norm", lambda p: optim.SGD(p, 0.25, momentum=0.5),
     clip=lambda p: torch.nn.utils.clip_grad_norm_(p, 0.5))
show("clip by value", lambda p: optim.SGD(p, 0.25, momentum=0.5),
     clip=lambda p: torch.nn.utils.clip_grad_value_(p, 0.25))
show("groups", lambda p: adam([dict(params=[p[0], p[2]]), dict(params=[p[1]], lr=0.125)]))
show("two rules", lambda p: [optim.SGD(p[:1], 0.25, momentum=0.5), adam(p[1:])])
show("accumulate", adam, batches=2)
show("lookahead", adam, after=lookahead([p.detach().clone() for p in start()]))
show("norm constraint", lambda p: optim.SGD(p, 0.25, momentum=0.5, nesterov=True), after=shorten)
show("muon", lambda p: [Muon([p[0], p[2]], 0.0625, 0.75, 0.25),
                        optim.AdamW([p[1]], 0.03125, **BETAS, eps=2**-7, weight_decay=0)])
