#:package TorchSharp-cpu@0.107.0

// Writes outputs and gradients of libtorch's layers to a safetensors file, in float64, for weights and inputs that
// float32 holds; tests/Layers/LibtorchTests.cs compares with them. Copy this file to an empty folder and run it: dotnet
// run layer-values.cs libtorch.safetensors.
using System.Text;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

torch.random.manual_seed(7);
var written = new List<(string Name, Tensor Value)>();

// Inputs and weights have few digits, so that float32 holds them.
Tensor R(params long[] shape) => ((torch.rand(shape, dtype: ScalarType.Float64) - 0.5) * 64).round() / 16;
Tensor Grad(Tensor x) { x.requires_grad = true; return x; }
(string, Tensor)[] Of(Module module, string prefix = "")
{
    module.to(ScalarType.Float64);
    using (torch.no_grad())
    {
        foreach (var (name, p) in module.named_parameters()) p.copy_(
            (torch.rand_like(p) - 0.5).mul(64).round().div(64) + (name.EndsWith("weight") && p.dim() == 1 ? 1 : 0));
        foreach (var (name, b) in module.named_buffers()) if (b.dim() == 1) b.copy_(
            (torch.rand_like(b) * 64).round().div(64) + (name.EndsWith("var") ? 0.5 : -0.5));
    }
    return [.. module.named_parameters().Select(p => (prefix + p.name, (Tensor)p.parameter)),
        .. module.named_buffers().Where(b => b.buffer.dim() == 1).Select(b => (prefix + b.name, b.buffer))];
}
void Case(string name, Tensor[] inputs, (string Name, Tensor Value)[] weights, Func<Tensor[], Tensor> forward)
{
    foreach (var (n, w) in weights) written.Add(($"{name}/w/{n}", w.detach().clone()));
    Tensor[] given = [.. inputs.Select(x => x.is_floating_point() ? Grad(x.clone()) : x)];
    Tensor y = forward(given), g = R([.. y.shape]);
    Tensor[] wrt = [.. given.Where(x => x.requires_grad), .. weights.Select(w => w.Value).Where(w => w.requires_grad)];
    IList<Tensor> grads = torch.autograd.grad([y], wrt, [g], allow_unused: true);
    for (int i = 0; i < inputs.Length; i++) written.Add(($"{name}/x{i + 1}", inputs[i]));
    written.Add(($"{name}/y", y.detach())); written.Add(($"{name}/g", g));
    int at = 0;
    for (int i = 0; i < given.Length; i++) if (given[i].requires_grad) { Tensor d = grads[at++];
    if (d is not null && !d.IsInvalid) written.Add(($"{name}/dx{i + 1}", d)); }
    foreach (var (n, w) in weights) if (w.requires_grad) written.Add(($"{name}/dw/{n}", grads[at++]));
}
void One<M>(string name, M module, Tensor x) where M : Module<Tensor, Tensor> { var w = Of(module); module.train();
Case(name, [x], w, xs => module.call(xs[0])); }

One("dense", Linear(3, 4), R(2, 3));
One("conv2d", Conv2d(2, 3, 3, stride: 2, padding: 1), R(2, 2, 5, 6));
One("conv2d_dilated_grouped", Conv2d(4, 4, (2, 3), stride: (1, 1), padding: (1, 1), dilation: (2, 1), groups: 2),
    R(2, 4, 5, 4));
One("depthwise", Conv2d(2, 4, 3, padding: 1, groups: 2), R(2, 2, 4, 5));
One("conv_transpose2d", ConvTranspose2d(2, 3, 3, stride: 2, padding: 1, output_padding: 1), R(2, 2, 3, 4));
One("conv_transpose2d_dilated_grouped", ConvTranspose2d(4, 2, 2, dilation: 2, groups: 2), R(2, 4, 3, 3));
One("conv1d", Conv1d(2, 3, 2, stride: 2, padding: 1), R(2, 2, 7));
One("conv1d_dilated", Conv1d(4, 2, 3, dilation: 2, groups: 2), R(2, 4, 7));
One("conv3d", Conv3d(2, 2, 2, stride: 2, padding: 1), R(2, 2, 3, 4, 3));
{
    var depth = Conv2d(2, 2, 3, padding: 1, groups: 2, bias: false); var point = Conv2d(2, 3, 1);
    (string, Tensor)[] w = [.. Of(depth, "depthwise."), .. Of(point, "pointwise.")];
    Case("separable", [R(2, 2, 4, 4)], w, x => point.call(depth.call(x[0])));
}
One("max_pool2d", MaxPool2d(3, stride: 2, padding: 1), R(2, 2, 5, 6));
One("average_pool2d", AvgPool2d(3, stride: 2, padding: 1, count_include_pad: false), R(2, 2, 5, 6));
One("max_pool1d", MaxPool1d(2), R(2, 2, 7));
One("average_pool1d", AvgPool1d(3, stride: 1, padding: 1, count_include_pad: false), R(2, 2, 7));
Case("global_pool", [R(2, 3, 2, 4)], [], x => x[0].mean([2, 3]));
Case("maxout", [R(2, 6)], [], x => x[0].reshape(2, 3, 2).amax([2]));
One("batch_norm", BatchNorm2d(3, eps: 1e-4), R(3, 3, 2, 2));
{ var m = BatchNorm2d(3, eps: 1e-4); var w = Of(m); m.eval();
Case("batch_norm_in_use", [R(3, 3, 2, 2)], w, x => m.call(x[0])); }
One("layer_norm", LayerNorm(5), R(2, 3, 5));
One("group_norm", GroupNorm(2, 4), R(2, 4, 3, 2));
{
    Tensor weight = Grad(R(5) / 4);
    Case("rms_norm", [R(2, 3, 5)], [("weight", weight)],
        x => x[0] / (x[0].square().mean([-1], true) + 1e-5).sqrt() * weight);
}
Case("local_response_norm", [R(2, 6, 2, 2)], [], x => functional.local_response_norm(x[0], 5, 0.5, 0.75, 2));
{
    var m = PReLU(3); var w = Of(m); Case("prelu", [R(2, 3, 4)], w, x => m.call(x[0]));
}
Case("elu", [R(2, 5)], [], x => functional.elu(x[0], 1.0));
Case("gelu", [R(2, 5)], [], x => functional.gelu(x[0]));
Case("softplus", [R(2, 5)], [], x => functional.softplus(x[0]));
Case("leaky", [R(2, 5)], [], x => functional.leaky_relu(x[0], 0.01));
Case("softmax", [R(2, 5)], [], x => functional.softmax(x[0], 1));
Case("upscale", [R(1, 2, 2, 3)], [],
    x => functional.interpolate(x[0], scale_factor: [2.0, 2.0], mode: InterpolationMode.Nearest));
Case("pad", [R(1, 2, 2, 3)], [], x => functional.pad(x[0], [2, 2, 1, 1], PaddingModes.Constant, 0.5));
{ var m = Embedding(7, 3); var w = Of(m);
Case("embedding", [torch.randint(7, [2, 4], dtype: ScalarType.Int64)], w, x => m.call(x[0])); }

// Sequences.
{ var m = RNN(3, 4, batchFirst: true); var w = Of(m); Case("recurrent", [R(2, 5, 3)], w, x => m.call(x[0]).Item1); }
{ var m = LSTM(3, 4, batchFirst: true); var w = Of(m); Case("lstm", [R(2, 5, 3)], w, x => m.call(x[0]).Item1); }
{
    var m = LSTM(3, 4, batchFirst: true); var w = Of(m);
    Case("lstm_start", [R(2, 5, 3), R(2, 4), R(2, 4)], w,
        x => m.call(x[0], (x[1].unsqueeze(0), x[2].unsqueeze(0))).Item1);
}
{
    // Sequences of 3 and 5 steps, each separately.
    var m = LSTM(3, 4, batchFirst: true); var w = Of(m);
    Case("lstm_masked", [R(2, 5, 3)], w,
        x => torch.cat(
            [m.call(x[0].narrow(0, 0, 1).narrow(1, 0, 3)).Item1.select(1, 2),
                m.call(x[0].narrow(0, 1, 1)).Item1.select(1, 4)], 0));
}
{ var m = LSTM(3, 2, numLayers: 2, batchFirst: true, bidirectional: true); var w = Of(m);
Case("lstm_stacked_both_ways", [R(2, 4, 3)], w, x => m.call(x[0]).Item1); }
{ var m = GRU(3, 4, batchFirst: true); var w = Of(m); Case("gru", [R(2, 5, 3)], w, x => m.call(x[0]).Item1); }
{ var m = GRU(3, 2, batchFirst: true, bidirectional: true); var w = Of(m);
Case("gru_both_ways", [R(2, 4, 3)], w, x => m.call(x[0]).Item1); }
Tensor Causal(long n) => torch.full([n, n], double.NegativeInfinity, dtype: ScalarType.Float64).triu(1);
Tensor Attend(MultiheadAttention m, Tensor q, Tensor k, Tensor? hidden = null, Tensor? mask = null) =>
    m.call(q.transpose(0, 1), k.transpose(0, 1), k.transpose(0, 1), hidden!, false, mask!).Item1.transpose(0, 1);
{ var m = MultiheadAttention(4, 2); var w = Of(m); Case("attention", [R(2, 5, 4)], w, x => Attend(m, x[0], x[0])); }
{ var m = MultiheadAttention(4, 2); var w = Of(m);
Case("attention_causal", [R(2, 5, 4)], w, x => Attend(m, x[0], x[0], mask: Causal(5))); }
{
    var m = MultiheadAttention(4, 2); var w = Of(m);
    var hidden = torch.tensor(new[] { false, false, true, true, false, false, false, false }, [2, 4]);
    Case("attention_of_others_masked", [R(2, 3, 4), R(2, 4, 4)], w, x => Attend(m, x[0], x[1], hidden));
}
foreach (bool first in new[] { true, false })
{
    var a = MultiheadAttention(4, 2); var l1 = Linear(4, 6); var l2 = Linear(6, 4); var n1 = LayerNorm(4);
    var n2 = LayerNorm(4);
    (string, Tensor)[] w = [
        .. Of(a, "self_attn."), .. Of(l1, "linear1."), .. Of(l2, "linear2."), .. Of(n1, "norm1."), .. Of(n2, "norm2.")];
    Case(first ? "transformer_norm_first" : "transformer", [R(2, 3, 4)], w, xs =>
    {
        var x = xs[0];
        if (first) { var z = n1.call(x); x = x + Attend(a, z, z);
        return x + l2.call(functional.gelu(l1.call(n2.call(x)))); }
        x = n1.call(x + Attend(a, x, x)); return n2.call(x + l2.call(functional.relu(l1.call(x))));
    });
}
{
    // libtorch's own block, with the normalization after the sum as first published.
    var m = TransformerEncoderLayer(4, 2, 6, 0.0, Activations.ReLU); var w = Of(m);
    Case("transformer_encoder_layer", [R(2, 3, 4)], w, x => m.call(x[0].transpose(0, 1)).transpose(0, 1));
}

// Layers that compute little: their order of axes, of inputs and of elements.
Case("flatten", [R(2, 2, 3)], [], x => x[0].flatten(1));
Case("reshape", [R(2, 6)], [], x => x[0].reshape(2, 3, 2));
Case("permute", [R(2, 3, 2)], [], x => x[0].permute(0, 2, 1));
Case("slice", [R(2, 4, 2)], [], x => x[0].narrow(1, 1, 2));
Case("slice_one", [R(2, 4, 2)], [], x => x[0].select(2, 1));
Case("pad_steps", [R(2, 2, 3)], [], x => functional.pad(x[0], [2, 2], PaddingModes.Constant, -1));
Case("concat", [R(2, 2, 2), R(2, 1, 2)], [], x => torch.cat([x[0], x[1]], 1));
Case("add", [R(2, 2, 3), R(2, 2, 1)], [], x => (x[0] * 0.5) - (x[1] * 2));
Case("multiply", [R(2, 3), R(2, 3)], [], x => x[0] * x[1]);
Case("maximum", [R(2, 3), R(2, 3) + (1.0 / 64), R(2, 3) + (1.0 / 32)], [], x => x[0].maximum(x[1]).maximum(x[2]));
Case("average", [R(2, 3), R(2, 3), R(2, 3)], [], x => (x[0] + x[1] + x[2]) / 3);
Case("merge", [R(2, 3), R(2, 3)], [], x => (x[0] * x[1]).sum([1], true)
    / (x[0].square().sum([1], true) * x[1].square().sum([1], true)).sqrt());
Case("expression", [R(2, 3)], [], x => x[0].square() + 1);
{ Tensor w = Grad(R(2)); Case("scale", [R(2, 2, 3)], [("scales", w)], x => x[0] * w.unsqueeze(1)); }
{ Tensor w = Grad(R(2)); Case("bias", [R(2, 2, 3)], [("b", w)], x => x[0] + w.unsqueeze(1)); }
Case("global_max_pool", [R(2, 2, 2, 3)], [], x => x[0].amax([2, 3]));
Case("selu", [R(2, 5)], [], x => functional.selu(x[0]));
Case("silu", [R(2, 5)], [], x => functional.silu(x[0]));
Case("dropout_in_use", [R(2, 3)], [], x => x[0].clone());
One("instance_norm", InstanceNorm2d(3, affine: true, eps: 1e-5), R(2, 3, 2, 2));
One("layer_norm_all", LayerNorm([2, 3]), R(2, 2, 3));
One("batch_norm_dense", BatchNorm1d(3, eps: 1e-4), R(4, 3));
{
    var a = Linear(3, 4); var b = Linear(4, 2); (string, Tensor)[] w = [.. Of(a, "a."), .. Of(b, "b.")];
    Case("sequence", [R(2, 3)], w, x => b.call(a.call(x[0]).tanh()));
}
{
    var a = Conv2d(2, 3, 3, padding: 1); var b = Conv2d(2, 3, 1, bias: false);
    (string, Tensor)[] w = [.. Of(a, "a."), .. Of(b, "shortcut.")];
    Case("residual", [R(1, 2, 3, 3)], w, x => functional.relu(a.call(x[0]) + b.call(x[0])));
}
Case("inverse_of_max_pool", [R(1, 1, 2, 2), R(1, 1, 4, 4)], [], x =>
{
    (_, Tensor at) = functional.max_pool2d_with_indices(x[1], [2, 2]);
    return torch.zeros(16, dtype: ScalarType.Float64).scatter(0, at.flatten(), x[0].flatten()).reshape(1, 1, 4, 4);
});
{
    // The published formula: sin and cos of step / 10000^(2i / units).
    Tensor angles = torch.arange(4, dtype: ScalarType.Float64).unsqueeze(1)
        / torch.pow(10000, torch.arange(3, dtype: ScalarType.Float64) * 2 / 6);
    Case("positions", [R(2, 4, 6)], [], x => x[0] + torch.stack([angles.sin(), angles.cos()], 2).reshape(4, 6));
}
{ Tensor w = Grad(R(3, 2)); Case("positions_learned", [R(2, 3, 2)], [("codes", w)], x => x[0] + w); }

// More sequences.
{
    var m = LSTM(2, 3, batchFirst: true); var w = Of(m);
    Case("lstm_backwards", [R(2, 4, 2)], w, x => m.call(x[0].flip(1)).Item1.flip(1));
}
{
    // Gradients through the last two of four steps only.
    var m = LSTM(2, 3, batchFirst: true); var w = Of(m);
    Case("lstm_truncated", [R(2, 4, 2)], w, x =>
    {
        (_, Tensor h, Tensor c) = m.call(x[0].narrow(1, 0, 2));
        return m.call(x[0].narrow(1, 2, 2), (h.detach(), c.detach())).Item1.select(1, 1);
    });
}
{ var m = GRU(3, 2, batchFirst: true); var w = Of(m); Case("gru_start", [R(2, 3, 3), R(2, 2)], w,
    x => m.call(x[0], x[1].unsqueeze(0)).Item1); }
{
    // Both directions of each sequence alone: steps behind its end keep the state before them, 0 backwards.
    var m = GRU(3, 2, numLayers: 2, batchFirst: true, bidirectional: true); var w = Of(m);
    Case("gru_stacked_both_ways_masked", [R(2, 4, 3)], w, x =>
    {
        Tensor small = m.call(x[0].narrow(0, 0, 1).narrow(1, 0, 2)).Item1, whole = m.call(x[0].narrow(0, 1, 1)).Item1;
        Tensor last = small.narrow(1, 1, 1) * torch.tensor(new[] { 1.0, 1, 0, 0 });
        return torch.cat([torch.cat([small, last, last], 1), whole], 0);
    });
}
{ var m = RNN(3, 2, nonLinearity: NonLinearities.ReLU, batchFirst: true, bidirectional: true); var w = Of(m);
Case("recurrent_both_ways", [R(2, 4, 3)], w, x => m.call(x[0]).Item1); }
{
    var m = Linear(5, 2); var w = Of(m, "cell.out.");
    Case("recurrence", [R(2, 3, 3)], w, x =>
    {
        Tensor h = torch.zeros(2, 2, dtype: ScalarType.Float64); var all = new List<Tensor>();
        for (int i = 0; i < 3; i++) all.Add(h = m.call(torch.cat([x[0].select(1, i), h], 1)).tanh());
        return torch.stack(all, 1);
    });
}

// Safetensors: the length of a header, the header, the numbers.
var header = new StringBuilder("{"); var data = new MemoryStream();
foreach (var (name, value) in written)
{
    bool isWhole = !value.is_floating_point(); long start = data.Length;
    var flat = value.detach().contiguous().reshape(-1);
    byte[] bytes = isWhole
        ? flat.to(ScalarType.Int32).data<int>().ToArray().SelectMany(BitConverter.GetBytes).ToArray()
        : flat.to(ScalarType.Float32).data<float>().ToArray().SelectMany(BitConverter.GetBytes).ToArray();
    data.Write(bytes);
    header.Append(
        $"{(header.Length > 1 ? "," : "")}\"{name}\":{{\"dtype\":\"{(isWhole ? "I32" : "F32")}\",\"shape\":[{string.Join(",", value.shape)}],\"data_offsets\":[{start},{data.Length}]}}");
}
header.Append('}'); while (header.Length % 8 != 0) header.Append(' ');
using var file = File.Create(args[0]);
file.Write(BitConverter.GetBytes((long)header.Length)); file.Write(
    Encoding.ASCII.GetBytes(header.ToString())); file.Write(data.ToArray());
Console.WriteLine($"{written.Count} tensors, {data.Length} bytes");
