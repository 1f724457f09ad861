namespace Engine.Tests.Training;

/// <summary>
/// Softmax regression from points of the plane to three classes with Nesterov's momentum, in plain arithmetic.
/// </summary>
internal sealed class SoftmaxRegression(double[] w)
{
    private readonly double[] _velocityW = new double[6];
    private readonly double[] _velocityB = new double[3];

    public double[] W { get; } = w;

    public double[] B { get; } = new double[3];

    /// <summary>Trains one step on some samples; returns their mean loss before it.</summary>
    public double Train(double[] x, int[] labels, int start, int count, double rate, double momentum)
    {
        double loss = Loss(x, labels, start, count);
        double[] gradW = new double[6], gradB = new double[3];
        for (int i = start; i < start + count; i++)
        {
            double[] p = Probabilities(x, i);
            for (int c = 0; c < 3; c++)
            {
                double g = (p[c] - (labels[i] == c ? 1 : 0)) / count;
                gradB[c] += g;
                gradW[c] += g * x[2 * i];
                gradW[3 + c] += g * x[(2 * i) + 1];
            }
        }

        Step(W, _velocityW, gradW, rate, momentum);
        Step(B, _velocityB, gradB, rate, momentum);
        return loss;
    }

    public double Loss(double[] x, int[] labels, int start, int count) =>
        Enumerable.Range(start, count).Average(i => -Math.Log(Probabilities(x, i)[labels[i]]));

    public double Accuracy(double[] x, int[] labels, int start, int count) =>
        Enumerable.Range(start, count).Average(i =>
        {
            double[] p = Probabilities(x, i);
            return Array.IndexOf(p, p.Max()) == labels[i] ? 1.0 : 0.0;
        });

    private double[] Probabilities(double[] x, int i)
    {
        double[] e = [.. Enumerable.Range(0, 3).Select(c =>
            Math.Exp((x[2 * i] * W[c]) + (x[(2 * i) + 1] * W[3 + c]) + B[c]))];
        return [.. e.Select(value => value / e.Sum())];
    }

    private static void Step(double[] p, double[] v, double[] g, double rate, double momentum)
    {
        for (int i = 0; i < p.Length; i++)
        {
            v[i] = (momentum * v[i]) - (rate * g[i]);
            p[i] += (momentum * v[i]) - (rate * g[i]);
        }
    }
}
