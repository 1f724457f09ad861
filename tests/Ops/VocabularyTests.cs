using Engine.Compile;
using Engine.Graph;
using Engine.Ops;
using static Engine.Ops.Operators;
using static Engine.Ops.Symbolic;

namespace Engine.Tests.Ops;

/// <summary>
/// The results of the vocabulary's names, compared with those of NumPy for the same expressions: the shape, and the sum
/// of the elements times sin 1, sin 2 and so on.
/// </summary>
public sealed class VocabularyTests
{
    private static readonly Tensor[] s_values =
    [
        Tensor.From([.. Enumerable.Range(0, 24).Select(n => (n - 7f) / 4)], 2, 3, 4),
        Tensor.From([1f, -2, 3, 0.5f, 4, -1], 2, 3),
        Tensor.From([2f, 1, 0, -3, 1, 5], 3, 2),
        Tensor.From([3f, 1, 2]),
        Tensor.From([-1f, 0.5f]),
        Tensor.From([1f, 0, 2, 0]),
        Tensor.From([7, -7, 5, -3, 0]),
        Tensor.From([3, 3, -2, -2, 4]),
        Tensor.From([1, -1, 0]),
        Tensor.From([.. Enumerable.Range(0, 240).Select(n => (float)(n * 0.37 % 3 - 1.2))], 2, 4, 5, 6),
        Tensor.From([.. Enumerable.Range(0, 144).Select(n => (float)(n * 0.53 % 2 - 0.9))], 6, 4, 3, 2),
    ];

    internal static IEnumerable<TestCaseData> Cases =>
    [
        Of(g => g.A[1], [3, 4], -3.39313),
        Of(g => g.A[-1, 2], [4], 3.41931),
        Of(g => g.A[.., ^1], [2, 4], 2.34073),
        Of(g => g.A[Ellipsis, 0], [2, 3], -6.13095),
        Of(g => g.A[0, 1..3, (.., 2)], [2, 2], -1.39075),
        Of(g => g.A[(.., -1), 0], [2, 4], 1.43579),
        Of(g => g.A[0, (0..3, -2)], [2, 4], 0.300703),
        Of(g => g.A[.., g.Indices], [2, 3, 4], 2.41081),
        Of(g => g.A[0, .., g.Indices], [3, 3], -2.95762),
        Of(g => g.A[g.Indices[0..2], g.Indices[1..3]], [2, 4], 4.92998),
        Of(g => g.A[new[] { 1, 0 }, .., g.Indices[0..2]], [2, 3], 4.50676),
        Of(g => g.B[.., new[] { true, false, true }], [2, 2], 4.39673),
        Of(g => g.A[1, ^2.., ..2], [2, 2], 1.97638),
        Of(g => SetSubtensor(g.B[0], g.W[0]), [2, 3], -5.82657),
        Of(g => IncSubtensor(g.V[new[] { 0, 0, 2 }], g.V), [3], 7.36407),
        Of(g => SetSubtensor(g.B[.., (.., 2)], g.C[0..2, 0..2]), [2, 3], -2.99198),
        Of(g => TakeAlongAxis(g.B, Constant(Tensor.From([2, 0, 1, 1], 2, 2))), [2, 2], 0.97098),
        Of(g => Scatter(g.B, Constant(Tensor.From([2, 0, 1, 1], 2, 2)), 1.0 * g.C[0..2], adds: true), [2, 3],
            -0.487963),
        Of(g => Gather(g.B, g.Indices, 1), [2, 3], -1.02192),
        Of(g => Slice(g.B, 1, -2, 1), [2, 1], 1.95425),
        Of(g => Kron(g.B, g.C), [6, 6], 11.9975),
        Of(g => MatrixPower(g.C[0..2], 3), [2, 2], 33.5305),
        Of(g => MatrixPower(g.C[0..2], 0), [2, 2], 0.0846685),
        Of(g => MatrixPower(g.C[0..2], 1), [2, 2], 4.86265),
        Of(g => Cov(g.B), [2, 2], -6.39315),
        Of(g => Cov(g.A[0], ddof: 0), [3, 3], 0.152751),
        Of(g => FillDiagonal(g.B, 7), [2, 3], -2.31639),
        Of(g => FillDiagonal(g.C, 7, offset: -1), [3, 2], 2.93565),
        Of(g => Diff(g.A), [2, 3, 3], -0.0161501),
        Of(g => Diff(g.A, 2, axis: 1), [2, 1, 4], 0),
        Of(g => Diff(g.A, axis: 0), [1, 3, 4], -0.376124),
        Of(g => Diff(g.B[.., 0..0]), [2, 0], 0),
        Of(g => Exp(LogSumExp(g.B[.., 0..0], [1])), [2], 0),
        Of(g => BinCount(Constant(Tensor.From([3, 0, 3, 2, 1])), 5), [5], 0.378283),
        Of(g => BinCount(g.I, 6), [6], 0.562055),
        Of(g => SearchSorted(
            Constant(Tensor.From([-2f, 1, 1, 4])), Constant(Tensor.From([1f, 0, 5, -2, 4, 1.5f], 3, 2))),
            [3, 2], -1.39977),
        Of(g => SearchSorted(
            Constant(Tensor.From([1, 2, float.NaN, float.NaN])), Constant(Tensor.From([float.NaN, 3]))), [2], 3.50154),
        Of(g => SearchSorted(Constant(Tensor.From([1, 2, float.NaN, float.NaN])), Constant(Tensor.From([float.NaN, 3])),
            true), [2], 5.18448),
        Of(g => SearchSorted(
            Constant(Tensor.From([-2f, 1, 1, 4])), Constant(Tensor.From([1f, 0, 5, -2, 4, 1.5f], 3, 2)), true),
            [3, 2], -1.43256),
        Of(g => InversePermutation(Constant(Tensor.From([2, 0, 1]))), [3], 2.66007),
        Of(g => UnravelIndex(Constant(Tensor.From([22, 7, 0])), [2, 3, 4])[0], [3], 0.841471),
        Of(g => UnravelIndex(Constant(Tensor.From([22, 7, 0])), [2, 3, 4])[1], [3], 2.59224),
        Of(g => UnravelIndex(Constant(Tensor.From([22, 7, 0])), [2, 3, 4])[2], [3], 4.41083),
        Of(g => RavelMultiIndex(
            [Constant(Tensor.From([1, 0, 1])), Constant(Tensor.From([2, 1, 0])), Constant(Tensor.From([2, 3, 0]))],
            [2, 3, 4]),
            [3], 26.5709),
        Of(g => NonZero(g.M, 2).Indices, [2], 1.81859),
        Of(g => NonZero(g.M, 4).Count, [], 1.68294),
        Of(g => Full(2.5, 2, 3), [2, 3], -0.258135),
        Of(g => ZerosLike(g.B), [2, 3], 0),
        Of(g => OnesLike(g.I), [5], 0.176162),
        Of(g => Eye(3), [3, 3], 0.294665),
        Of(g => Eye(2, 4, 1), [2, 4], 1.56628),
        Of(g => ARange(4), [4], -1.07887),
        Of(g => ARange(1, 2, 0.25), [4], 0.865368),
        Of(g => ARange(5, 0, -2), [3], 7.07637),
        Of(g => LinSpace(-1, 1, 5), [5], -2.63345),
        Of(g => Diag(g.V), [3, 3], 2.38973),
        Of(g => Diag(g.V, -1), [4, 4], -2.12022),
        Of(g => Diag(g.B), [2], 4.47866),
        Of(g => Diag(g.B, 1), [2], -2.59224),
        Of(g => Diag(g.C, -2), [1], 0.841471),
        Of(g => Tril(g.A), [2, 3, 4], -5.53323),
        Of(g => Triu(g.A, 1), [2, 3, 4], 0.0924295),
        Of(g => Tril(g.B, -1), [2, 3], -0.378401),
        Of(g => OneHot(Constant(Tensor.From([2, 0, 5])), 3), [3, 3], -0.615682),
        Of(g => Stack(0, g.V, g.V * 2), [2, 3], -3.86038),
        Of(g => Stack(-1, g.V, g.V * 2), [3, 2], 3.5722),
        Of(g => Split(g.A, -1, 1, 3)[1], [2, 3, 3], -5.96975),
        Of(g => Tile(g.B, 2, 2), [4, 6], 0.0855259),
        Of(g => Tile(g.V, 2, 2), [2, 6], 0.00714328),
        Of(g => Tile(g.A, 2), [2, 3, 8], -2.23869),
        Of(g => Repeat(g.B, 2, 1), [2, 6], 1.09924),
        Of(g => Repeat(g.B, new[] { 1, 3 }, 0), [4, 3], -4.35004),
        Of(g => Roll(g.V, 1, 0), [3], 4.55195),
        Of(g => Roll(g.A, -5, 2), [2, 3, 4], -4.83769),
        Of(g => Roll(g.B, 2), [2, 3], 1.09483),
        Of(g => Flip(g.B), [2, 3], 2.2343),
        Of(g => Flip(g.A, [1, -1]), [2, 3, 4], 6.58274),
        Of(g => Squeeze(ExpandDims(g.V, 0)), [3], 3.71595),
        Of(g => ExpandDims(g.B, -1), [2, 3, 1], -4.48845),
        Of(g => BroadcastTo(g.V, 2, -1), [2, 3], -0.0722124),
        Of(g => SwapAxes(g.A, 0, -1), [4, 3, 2], -12.8403),
        Of(g => MoveAxis(g.A, 0, 2), [3, 4, 2], -3.55563),
        Of(g => MoveAxis(g.A, 2, 0), [4, 2, 3], -24.34),
        Of(g => Pad(g.B, [(1, 2)]), [2, 6], 1.04382),
        Of(g => Pad(g.B, [(1, 0), (0, 1)], value: 9), [3, 4], 14.8917),
        Of(g => Pad(g.B, [(1, 1), (2, 4)], PadMode.Edge), [4, 9], -0.020673),
        Of(g => Pad(g.B, [(1, 1), (2, 4)], PadMode.Reflect), [4, 9], 6.75934),
        Of(g => Pad(g.B, [(1, 1), (2, 4)], PadMode.Symmetric), [4, 9], 1.76823),
        Of(g => Pad(g.B, [(1, 1), (2, 3)], PadMode.Wrap), [4, 8], -0.576483),
        Of(g => Reshape(g.A, DimensionOf(g.A, 1), -1), [3, 8], -5.4408),
        Of(g => ShapeOf(g.A), [3], 4.97531),
        Of(g => Prod(g.B), [], 10.0977),
        Of(g => Prod(g.A, [0, 2]), [3], 20.3769),
        Of(g => Var(g.A), [], 2.52003),
        Of(g => Var(g.A, [1], ddof: 1), [2, 4], 1.54309),
        Of(g => Std(g.B, [0], keepDims: true), [1, 3], 3.2205),
        Of(g => Norm(g.B), [], 4.70397),
        Of(g => Norm(g.B, 1, [1]), [2], 10.05),
        Of(g => Norm(g.B, 3, [0]), [3], 5.08652),
        Of(g => Norm(g.B, double.PositiveInfinity, [1]), [2], 6.1616),
        Of(g => Norm(g.M, 0), [], 1.68294),
        Of(g => LogSumExp(g.A, [1]), [2, 4], 2.9697),
        Of(g => LogSumExp(g.B * 1000), [], 3365.88),
        Of(g => Any(g.M), [], 0.841471),
        Of(g => All(g.M), [], 0),
        Of(g => All(g.B, [1]), [2], 1.75077),
        Of(g => Any(Greater(g.B, 2), [0]), [3], 1.05042),
        Of(g => PeakToPeak(g.B, [1]), [2], 8.75384),
        Of(g => ArgMin(g.B, 1), [2], 2.66007),
        Of(g => ArgMin(g.I), [], 0.841471),
        Of(g => ArgMax(g.A), [], 19.3538),
        Of(g => CumSum(g.B), [6], -9.44739),
        Of(g => CumSum(g.A, 1), [2, 3, 4], -8.74289),
        Of(g => CumProd(g.B, -1), [2, 3], -3.56126),
        Of(g => CumSum(g.I, 0), [5], 3.16444),
        Of(g => IntDiv(g.I, g.J), [5], -2.22511),
        Of(g => g.I % g.J, [5], 3.27575),
        Of(g => IntDiv(g.B, 0.75), [2, 3], -5.55773),
        Of(g => g.B % 0.75, [2, 3], -0.320148),
        Of(g => g.B % -0.75, [2, 3], -0.136868),
        Of(g => IntDiv(g.I, 0), [5], 0),
        Of(g => Mod(g.I, 0), [5], 0),
        Of(g => IsNaN(Log(g.W)), [2], 0.841471),
        Of(g => IsInf(1 / g.M), [4], 0.152495),
        Of(g => g.M & Less(g.M, 2), [4], 0.841471),
        Of(g => Equal(g.M, 0) | Equal(g.M, 2), [4], 0.293615),
        Of(g => g.M ^ Greater(g.M, 1), [4], 0.841471),
        Of(g => !g.M, [4], 0.152495),
        Of(g => Trunc(g.A), [2, 3, 4], -4.25014),
        Of(g => Tan(g.B), [2, 3], 2.18871),
        Of(g => ArcSin(g.W), [2], -0.845673),
        Of(g => ArcCos(g.W), [2], 3.59577),
        Of(g => ArcTan(g.B), [2, 3], -1.57237),
        Of(g => ArcTan2(g.B, g.V - 2), [2, 3], -2.62053),
        Of(g => Sinh(g.B), [2, 3], -27.1302),
        Of(g => Cosh(g.B), [2, 3], -21.3309),
        Of(g => ArcSinh(g.B), [2, 3], -2.44101),
        Of(g => ArcCosh(g.V), [3], 1.66915),
        Of(g => ArcTanh(g.W / 2), [2], -0.229979),
        Of(g => Exp2(g.B), [2, 3], -13.5136),
        Of(g => Log2(g.V), [3], 1.47482),
        Of(g => Log10(g.V), [3], 0.443965),
        Of(g => Erf(g.B), [2, 3], -1.1722),
        Of(g => Gelu(g.B), [2, 3], -2.96351),
        Of(g => Silu(g.B), [2, 3], -3.12544),
        Of(g => Mish(g.B), [2, 3], -3.11261),
        Of(g => Selu(g.B), [2, 3], -4.17056),
        Of(g => HardSigmoid(g.B), [2, 3], -0.675751),
        Of(g => Softsign(g.B), [2, 3], -0.959322),
        Of(g => HardTanh(g.B), [2, 3], -0.984616),
        Of(g => ScaledTanh(g.B), [2, 3], -2.05033),
        Of(g => Clip(g.B, -g.V / 4, g.V / 2), [2, 3], 0.037111),
        Of(g => IsClose(g.B, g.B + 1e-6), [2, 3], -0.103254),
        Of(g => Dot(g.A, Transpose(g.A[0])), [2, 3, 3], 6.93596),
        Of(g => Dot(g.B, Transpose(g.A, [0, 1, 2])[.., .., 0..2][0]), [2, 2], 3.20752),
        Of(g => Dot(g.V, Transpose(g.A, [0, 1, 2])), [2, 4], 3.24273),
        Of(g => Dot(Transpose(g.A, [0, 2, 1]), g.A), [2, 4, 2, 4], -10.7287),
        Of(g => BatchedDot(Transpose(g.A, [0, 2, 1]), g.A), [2, 4, 4], -16.8126),
        Of(g => BatchedDot(g.A, g.A, transposeB: true), [2, 3, 3], -55.7245),
        Of(g => BatchedDot(g.B, g.A), [2, 4], 6.13144),
        Of(g => MatMul(g.B, g.A), [2, 2, 4], 1.47843),
        Of(g => MatMul(g.A, Transpose(g.A[0])), [2, 3, 3], 6.93596),
        Of(g => MatMul(g.V, g.A), [2, 4], 3.24273),
        Of(g => MatMul(ExpandDims(g.A, 1), ExpandDims(Transpose(g.A, [0, 2, 1]), 0)), [2, 2, 3, 3], -26.0359),
        Of(g => MatMul(g.A, Constant(Tensor.From([1f, 2, 3, 4]))), [2, 3], -61.8258),
        Of(g => TensorDot(g.A, g.B, [0, 1], [0, 1]), [4], 6.32027),
        Of(g => TensorDot(g.B, g.A, [1], [1]), [2, 2, 4], 20.4823),
        Of(g => TensorDot(g.A, g.A, [1, 2], [1, 2]), [2, 2], -63.4213),
        Of(g => TensorDot(g.V, g.W, 0), [3, 2], -0.041555),
        Of(g => Outer(g.B, g.W), [6, 2], -0.439504),
        Of(g => Einsum("ij,jk", g.B,g.C), [2, 2], 36.6991),
        Of(g => Einsum("bij,bij->b", g.A,g.A), [2], 92.255),
        Of(g => Einsum("bij,bkj->bik", g.A,g.A), [2, 3, 3], -55.7245),
        Of(g => Einsum("ij->ji", g.B), [3, 2], -4.61069),
        Of(g => Einsum("i,j->ij", g.V,g.W), [3, 2], -0.041555),
        Of(g => Einsum("ij,j->i", g.B,g.V), [2], 9.07284),
        Of(g => Einsum("bij,j->", g.A,g.M), [], 16.4087),
        Of(g => Einsum("ij,ij->", g.B,g.B), [], 26.296),
        Of(g => Einsum("ij,kj,k->i", g.B,g.B,g.W), [2], 1.192),
        Of(g => Einsum("bij->bj", g.A), [2, 4], 2.39291),
        Of(g => Einsum("ba,bij->aj", g.C[0..2],g.A), [2, 4], -21.9103),
        Of(g => Einsum("ii->i", TensorDot(g.V, g.V, 0)), [3], 9.04702),
        Of(g => Einsum("ii", TensorDot(g.V, g.V, 0)), [], 11.7806),
        Of(g => Einsum("...i,i->...", g.A, g.M), [2, 3], -18.4961),
        Of(g => Einsum("i...->...i", g.A), [3, 4, 2], -3.55563),
        Of(g => Einsum("...ij,...kj", g.A, g.A[0..1]), [2, 3, 3], 6.93596),
        Of(g => Einsum("...,...->...", g.A[.., 0..1], g.A), [2, 3, 4], -0.515852),
        Of(g => Einsum("...i,...i", g.A, g.A[0]), [2, 3], 15.0708),
        Of(g => Einsum("ij,ij->j", g.B[.., 0..1], g.B), [3], 1.40464),
        Of(g => Einsum("ij,jk->ik", g.B[.., 0..1], g.C), [2, 2], 4.32878),
        Of(g => Einsum("ii,ij->j", g.B[.., 0..2], g.B[0..1]), [3], -2.76882),
        Of(g => Convolve(g.X, g.F), [2, 6, 3, 5], -20.8004),
        Of(g => Convolve(g.X, g.F, new() { Dilation = [2], FlipFilters = false }), [2, 6, 1, 4], 81.6338),
        Of(g => Convolve(g.X, g.F[.., 0..2], new() { Groups = 2, Stride = [2, 1], Padding = [1] }), [2, 6, 3, 7],
            29.1096),
        Of(g => Convolve(g.X, g.F[0..4, 0..1], new() { Groups = 4 }, g.M), [2, 4, 3, 5], -13.1349),
        Of(g => Convolve(g.X, g.F, new() { Padding = [-1] }), [2, 6, 5, 6], -11.4548),
        Of(g => Convolve(g.X[.., .., 0], g.F[.., .., 0], new() { Stride = [2], Padding = [1] }), [2, 6, 4], 5.1478),
        Of(g => Convolve(g.X[.., .., 0], g.F[.., .., 0], new() { Dilation = [3] }), [2, 6, 3], -3.00339),
        Of(g => Convolve(ExpandDims(g.X, 2), ExpandDims(g.F, 2)), [2, 6, 1, 3, 5], -20.8004),
        Of(g => Convolve(Reshape(g.X, [2, 2, 2, 5, 6]), Reshape(g.F, [6, 2, 2, 3, 2]), new() { Padding = [0, 1, 1] }),
            [2, 6, 1, 5, 7], -15.1176),
        Of(g => ConvTranspose(g.X, Transpose(g.F, [1, 0, 2, 3]), new() { Stride = [2] }), [2, 6, 11, 12], -9.98368),
        Of(g => ConvTranspose(g.X, Transpose(g.F, [1, 0, 2, 3]), new() { Stride = [2], Padding = [1] }, [10, 11]),
            [2, 6, 10, 11], -4.71067),
        Of(g => ConvTranspose(g.X, g.F[0..4, 0..2], new() { Dilation = [2, 1], Groups = 2 }), [2, 4, 9, 7], 0.87825),
        Of(g => ConvTranspose(g.X[.., .., 0], g.F[0..4, .., 0], new() { Stride = [2], Padding = [1] }), [2, 4, 10],
            6.47605),
        Of(g => Pool(g.X, [2]), [2, 4, 2, 3], -1.33822),
        Of(g => Pool(g.X, [2, 3], PoolMode.Sum, stride: [1, 2]), [2, 4, 4, 2], -22.7521),
        Of(g => Pool(g.X[.., .., 0], [3], PoolMode.Average, stride: [1]), [2, 4, 4], -5.77363),
        Of(g => Pool(Reshape(g.X, [2, 2, 2, 5, 6]), [2], PoolMode.Max), [2, 2, 1, 2, 3], -0.827477),
        Of(g => Pool(Reshape(g.X, [2, 2, 2, 5, 6]), [2, 2, 3], PoolMode.Average, stride: [1]), [2, 2, 1, 4, 4],
            3.38031),
        Of(g => GlobalPool(g.X), [2, 4], 0.46304),
        Of(g => GlobalPool(g.X, PoolMode.Max), [2, 4], 2.77542),
        Of(g => AdaptivePool(Reshape(g.X, [2, 4, 5, 6]), [2, 4]), [2, 4, 2, 4], 2.37743),
        Of(g => Resize(Reshape(g.X, [2, 4, 5, 6]), [10, 4]), [2, 4, 10, 4], -0.0703297),
        Of(g => Resize(Reshape(g.X[0, 0, 0], [1, 1, 6]), [9], ResizeMode.LinearAlignCorners), [1, 1, 9], -0.530307),
        Of(g => Resize(Reshape(g.X[0, 0, 0], [1, 1, 6]), [9], ResizeMode.Linear), [1, 1, 9], -0.503339),
        Of(g => Upscale(g.X, [2, 1]), [2, 4, 10, 6], -9.14363),
        Of(g => Softmax(g.A, 1), [2, 3, 4], -1.5219),
        Of(g => LogSoftmax(g.A, 0), [2, 3, 4], 0.372518),
        Of(g => LayerNorm(g.A, g.M, g.M - 1), [2, 3, 4], -0.993403),
        Of(g => LayerNorm(g.X, axes: 3), [2, 4, 5, 6], 3.53439),
        Of(g => RmsNorm(g.A, g.M), [2, 3, 4], -2.31198),
        Of(g => GroupNorm(g.X, 2, g.M, g.M + 1), [2, 4, 5, 6], 9.91298),
        Of(g => Attention(g.X, g.X + 1, g.X * 2), [2, 4, 5, 6], 16.2418),
        Of(g => Attention(g.X, g.X, g.X, isCausal: true), [2, 4, 5, 6], 8.82331),
        Of(g => Attention(g.X, g.X, g.X, mask: Greater(g.X[0, 0, .., 0..5], -1)), [2, 4, 5, 6], 6.10722),
        Of(g => SquaredError(ExpandDims(g.V, 1), g.V), [3, 1], 0),
        Of(g => SquaredError(g.V, ExpandDims(g.V, 1) + 1), [3, 1], 1.89189),
        Of(g => BinaryHinge(g.V - 2, Greater(g.V, 1)), [3], 0.14112),
        Of(g => BinaryHinge(g.V - 2, Sign(g.V - 2), isBinary: false), [3], 0.14112),
        Of(g => MulticlassHinge(g.C, g.Indices % 2), [3], 6.02573),
        Of(g => Huber(g.B, g.V - 1, 1.5), [2, 3], -3.65979),
        Of(g => AbsoluteError(g.B, g.V), [2, 3], -1.05507),
        Of(g => KlDivergence(Softmax(g.A), Softmax(g.A * 2)), [2, 3], -0.00349224),
        Of(g => SmoothLabels(g.Indices % 3, 3, 0.3), [3, 3], 1.09633),
        Of(g => BinaryAccuracy(g.V / 4, Greater(g.V, 1)), [3], 1.75077),
        Of(g => CategoricalAccuracy(g.A[0], g.Indices % 4, 2), [3], 0.909297),
        Of(g => CategoricalCrossEntropy(Softmax(g.A[0]), OneHot(g.Indices % 4, 4)), [3], 2.51309),
        Of(g => Sort(g.B), [2, 3], -1.19061),
        Of(g => Sort(g.A * 7 % 3, 1), [2, 3, 4], -4.88758),
        Of(g => ArgSort(g.A * 7 % 3, 0), [2, 3, 4], 0.199602),
        Of(g => Sort(g.I, 0, isDescending: true), [5], 19.4197),
        Of(g => TopK(g.B, 2).Values, [2, 2], 3.61979),
        Of(g => TopK(g.A * 7 % 3, 2, 1).Indices, [2, 2, 4], 0.280206),
        Of(g => ArgMax(g.A * 7 % 3, [0, 2]), [3], 1.19154),
        Of(g => ArgMin(g.A * 7 % 3, [1, 2], keepDims: true), [2, 1, 1], 12.2554),
        Of(g => ArgMax(g.A, [-1, 0, 1]), [], 19.3538),
        Of(g => ArgMax(g.A, [0]), [3, 4], -0.125375),
        Of(g => Dot(g.A, g.V[0]), [2, 3, 4], -16.3224),
        Of(g => Dot(g.V[1], g.W), [2], -0.386822),
        Of(g => g.A[s_ofMatrix], [3, 4], -5.94594),
        Of(g => g.A[.., s_ofRows], [2, 5], -1.3136),
        Of(g => g.A[1, s_ofRows], [5], -3.27539),
        Of(g => SetSubtensor(g.A[s_ofMatrix], g.B[0, 0]), [2, 3, 4], -2.02246),
        Of(g => Reshape(g.A, Prod(ShapeOf(g.A)[..2]), ShapeOf(g.A)[2]), [6, 4], -5.4408),
        Of(g => Reshape(g.A, ShapeOf(g.B), -1), [2, 3, 4], -5.4408),
        Of(g => Reshape(g.A, SetSubtensor(ShapeOf(g.A)[0..2], ShapeOf(g.B)[(.., -1)])), [3, 2, 4], -5.4408),
        Of(g => Zeros(ShapeOf(g.B)), [2, 3], 0),
        Of(g => Full(2, ShapeOf(g.A)[1..]), [3, 4], -0.25075),
        Of(g => BroadcastTo(g.V, Max(ShapeOf(g.A)), -1), [4, 3], 0.00714328),
        Of(g => Tile(g.V, Cast(ShapeOf(g.B), DType.Int64)), [2, 9], 0.231745),
        Of(g => ARange(PeakToPeak(ShapeOf(g.A)) + Min(ShapeOf(g.A))), [4], -1.07887),
        Of(g => ARange(Cast(Ceiling(Cast(DimensionOf(g.I, 0), DType.Float32) / 2), DType.Int32)), [3], 1.19154),
        Of(g => Einsum("...i,...i", g.A, Wide(g, g.M)), [2, 3], -18.4961),
        Of(g => Einsum("...ij,...kj->...ik", Wide(g, g.B), MoveAxis(g.A, 1, 2)), [2, 2, 4], 1.47843),
        Of(g => Einsum("...,...->...", Tall(g, g.V), g.A), [2, 3, 4], -10.3694),
        Of(g => SquaredError(Tall(g, g.V), 2 * g.V), [3, 1], 9.04702),
        Of(g => SquaredError(2 * g.V, Tall(g, g.V)), [3, 1], 9.04702),
        Of(g => AbsoluteError(g.A[.., .., 0..1], g.B), [2, 3, 1], 0.405512),
        Of(g => AbsoluteError(Tall(g, g.B), g.A[.., .., 0]), [2, 3, 1], 0.405512),
    ];

    private static readonly Variable s_ofMatrix =
        Constant(Tensor.From(new[,] { { true, false, true }, { false, true, false } }));

    private static readonly Variable s_ofRows = Constant(Tensor.From(
        new[,] { { false, true, false, true }, { true, false, false, false }, { false, false, true, true } }));

    /// <summary>Returns x with a first dimension, or a last one, that only a plan knows to be 1.</summary>
    private static Variable Wide(Given g, Variable x) => Reshape(x, [DimensionOf(g.W, 0) - 1, .. Dimensions(x)]);

    private static Variable Tall(Given g, Variable x) => Reshape(x, [.. Dimensions(x), DimensionOf(g.W, 0) - 1]);

    private static IEnumerable<Dimension> Dimensions(Variable x) =>
        Enumerable.Range(0, x.Rank).Select(axis => (Dimension)DimensionOf(x, axis));

    [TestCaseSource(nameof(Cases))]
    public void A_name_computes_what_NumPy_does(Func<Given, Variable> expression, Shape shape, double fingerprint)
    {
        using var f = Function.Compile([], [expression(new Given([.. s_values.Select(Constant)]))]);
        AssertIs(f.Call()[0], shape, fingerprint);
    }

    /// <summary>The dimensions of filters are always known.</summary>
    [TestCaseSource(nameof(Cases))]
    public void It_does_so_where_only_the_call_tells_the_dimensions(
        Func<Given, Variable> expression, Shape shape, double fingerprint)
    {
        (Input[] inputs, Tensor[] values, Variable output) =
            Open(expression, (value, n) => n == 10 ? value.Shape : Shape.OfRank(value.Shape.Rank));
        using var f = Function.Compile(inputs, [output]);
        AssertIs(f.Call(values)[0], shape, fingerprint);
    }

    /// <summary>Also around the length up to which each number is compared with all.</summary>
    [Test]
    public void A_sorted_vector_of_any_length_is_searched(
        [Values(1, 32, 33, 63, 64, 65, 1000)] int count, [Values] bool isFromRight)
    {
        // Each number stands there three times, and the last eighth is NaN.
        float[] sorted = [.. Enumerable.Range(0, count).Select(i => i >= count - (count / 8) ? float.NaN : i / 3)];
        float[] v = [float.NegativeInfinity, -1, 0.5f, .. sorted, count / 6 + 0.5f, count, float.PositiveInfinity];
        int[] expected = [.. v.Select(x => sorted.Count(s =>
            float.IsNaN(x) ? isFromRight || !float.IsNaN(s) : isFromRight ? s <= x : s < x))];

        using var f = Function.Compile(
            [], [SearchSorted(Constant(Tensor.From(sorted)), Shared(Tensor.From(v)), isFromRight)]);

        Assert.That(f.Call()[0].AsSpan<int>().ToArray(), Is.EqualTo(expected));
    }

    private static IEnumerable<TestCaseData> WrongNumbers =>
    [
        new(() => Pool(Vector("x"), [2]), "pool takes images (N, C, …), not 'x' (float32 (?))"),
        new(() => Pool(Tensor4("x"), [1, 2, 3]),
            "pool of 'x' (float32 (?, ?, ?, ?)) takes one number for all axes behind the second or 2, not 3."),
        new(() => Pool(Tensor4("x"), [2], stride: []), "or 2, not 0."),
        new(() => AdaptivePool(Variable("x", DType.Float32, [1, 1, 4, 4]), []), "adaptivePool of '"),
        new(() => AdaptivePool(Vector("x"), [2]), "adaptivePool takes images (N, C, …), not '"),
        new(() => Upscale(Scalar("x"), [2]), "upscale takes images (N, C, …), not 'x' (float32 ())"),
        new(() => Upscale(Tensor4("x"), [2, 2, 2]),
            "upscale of 'x' (float32 (?, ?, ?, ?)) takes one number for all axes behind the second or 2, not 3."),
        new(() => Slice(Vector("x"), 0, int.MinValue), "The index -2147483648 lies outside every axis."),
        new(() => Slice(Vector("x"), 0, 5, int.MaxValue), "2147483647 indices from 5 on lie outside axis 0 of 'x'"),
        new(() => TensorDot(Vector("x"), Matrix("y"), -7),
            "tensorDot cannot sum along -7 axes of 'x' (float32 (?)) and 'y'"),
        new(() => TensorDot(Vector("x"), Matrix("y"), 2),
            "tensorDot cannot sum along 2 axes of 'x' (float32 (?)) and 'y'"),
    ];

    [TestCaseSource(nameof(WrongNumbers))]
    public void Numbers_that_do_not_fit_the_axes_are_refused(Func<Variable> op, string message) =>
        Assert.That(op, Throws.TypeOf<EngineException>().With.Message.Contains(message));

    /// <summary>Returns an expression of inputs with these dimensions, and the inputs' values.</summary>
    internal static (Input[] Inputs, Tensor[] Values, Variable Output) Open(
        Func<Given, Variable> expression, Func<Tensor, int, Shape> dimensions)
    {
        Input[] unknown =
            [.. s_values.Select((value, n) => new Input(new TensorType(value.DType, dimensions(value, n)), $"x{n}"))];
        Variable output = expression(new Given(unknown));
        HashSet<Variable> used = [.. FunctionGraph.Leaves([output])];
        int[] taken = [.. Enumerable.Range(0, unknown.Length).Where(n => used.Contains(unknown[n]))];
        return ([.. taken.Select(n => unknown[n])], [.. taken.Select(n => s_values[n])], output);
    }

    internal static void AssertIs(Tensor actual, Shape shape, double fingerprint) =>
        AssertIs(NdArray.From(actual), shape, fingerprint);

    internal static void AssertIs(NdArray actual, Shape shape, double fingerprint)
    {
        double sum = actual.Data.Select((value, n) => value * Math.Sin(n + 1)).Sum();
        Assert.That(actual.Shape, Is.EqualTo(shape));
        Assert.That(
            sum, Is.EqualTo(fingerprint)
                .Within(2e-5 * Math.Max(1, Math.Abs(fingerprint))), string.Join(' ', actual.Data));
    }

    private static TestCaseData Of(
        Func<Given, Variable> expression, Shape shape, double fingerprint,
        [System.Runtime.CompilerServices.CallerArgumentExpression(nameof(expression))] string text = "") =>
        new TestCaseData(expression, shape, fingerprint).SetArgDisplayNames(
            text[5..].Replace("g.", "", StringComparison.Ordinal));

    /// <summary>The operands of the expressions.</summary>
    public sealed class Given(IReadOnlyList<Variable> values)
    {
        public Variable A => values[0];

        public Variable B => values[1];

        public Variable C => values[2];

        public Variable V => values[3];

        public Variable W => values[4];

        public Variable M => values[5];

        public Variable I => values[6];

        public Variable J => values[7];

        public Variable Indices => values[8];

        public Variable X => values[9];

        public Variable F => values[10];
    }
}
