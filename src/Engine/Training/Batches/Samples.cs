using System.Globalization;
using Engine.Graph;

namespace Engine.Training;

/// <summary>Checks the user's samples, labels and weights, and converts them to the network's types.</summary>
internal static class Samples
{
    /// <summary>Returns the samples for each of the network's inputs, the same number for each.</summary>
    /// <exception cref="EngineException">
    /// An input is missing or unknown; a number, rank, shape or dtype is wrong; there are no samples; a value is nan or
    /// infinite.
    /// </exception>
    public static IReadOnlyList<Tensor> Inputs(Tensors x, IReadOnlyList<Graph.Input> inputs)
    {
        ArgumentNullException.ThrowIfNull(x);
        Tensor[] samples = [.. Named(x, "x", "input", [.. inputs.Select(input => input.Name!)])
            .Zip(inputs, (given, input) => Input(given, input, inputs.Count == 1 ? "x" : $"x[\"{input}\"]"))];
        int wrong = Array.FindIndex(samples, other => other.Shape[0] != samples[0].Shape[0]);
        return wrong < 0 ? samples : throw new EngineException(
            $"There are {samples[0].Shape[0]} samples for the input '{inputs[0]}' but {samples[wrong].Shape[0]} for "
            + $"'{inputs[wrong]}'.");
    }

    /// <summary>Returns the labels, or the values in regression, of so many samples for each output.</summary>
    /// <exception cref="EngineException">
    /// An output is missing or unknown; a number, shape or dtype is wrong; a label is out of range; a value is nan or
    /// infinite.
    /// </exception>
    public static IReadOnlyList<Tensor> Targets(Tensors y, int samples, IReadOnlyList<OutputHead> heads)
    {
        ArgumentNullException.ThrowIfNull(y);
        return [.. Named(y, "y", "output", [.. heads.Select(head => head.Name)])
            .Zip(heads, (given, head) => Target(given, samples, head, heads.Count == 1 ? "y" : $"y[\"{head.Name}\"]"))];
    }

    /// <summary>Returns the tensor for each name. A single tensor for a single place needs no name.</summary>
    private static IEnumerable<Tensor> Named(Tensors given, string what, string place, string[] names)
    {
        if (names.Length == 1 && given.IsNameless)
        {
            return [given.Single];
        }

        string[] missing = [.. names.Where(name => !given.Contains(name))], unknown = [.. given.Names.Except(names)];
        if (missing.Length > 0 || unknown.Length > 0)
        {
            string wrong = given.IsNameless ? "one tensor without a name is given"
                : string.Join(" and ", ((string[])[
                    missing.Length > 0 ? $"{List(missing)} missing" : "",
                    unknown.Length > 0 ? $"there is no {place} {List(unknown)}" : ""]).Where(text => text.Length > 0));
            throw new EngineException(
                $"{what} needs a tensor for each {place} of the network, {List(names)}, and {wrong}: "
                + $"new Tensors {{ [\"{names[0]}\"] = …{(names.Length > 1 ? ", …" : "")} }}.");
        }

        return names.Select(name => given[name]);

        static string List(string[] names) => string.Join(" and ", names.Select(name => $"'{name}'"));
    }

    private static Tensor Input(Tensor x, Graph.Input input, string name)
    {
        if (x.Shape.Rank != input.Rank || !input.Shape.Admits(x.Shape))
        {
            string rank = x.Shape.Rank == input.Rank ? "" : $", with {input.Rank} dimensions, not {x.Shape.Rank}";
            throw new EngineException(
                $"The samples are {x.TypeText} and the Input layer '{input}' takes {input.Shape}{rank}, "
                + "? being the number of samples.");
        }

        if (x.Shape[0] == 0)
        {
            throw new EngineException($"There are no samples: {name} is {x.TypeText}.");
        }

        bool areNumbers = x.DType == DType.Int64 && input.DType == DType.Int32
            && !x.AsSpan<long>().ContainsAnyExceptInRange(int.MinValue, int.MaxValue);
        if (x.DType != input.DType && !areNumbers && !(x.DType.IsFloat() && input.DType.IsFloat()))
        {
            throw new EngineException(
                $"The samples are {x.DType.Name()} and the Input layer '{input}' takes {input.DType.Name()}: "
                + $"{(input.DType.IsFloat() ? "scale and cast them, or " : "")}give the Input layer their DType.");
        }

        RequireFinite(x, name);
        return x.Cast(input.DType);
    }

    private static Tensor Target(Tensor y, int samples, OutputHead head, string name)
    {
        int count = y.Shape.Rank == 0 ? 0 : y.Shape[0];
        if (count != samples)
        {
            throw new EngineException($"There are {samples} samples in x but {count} in {name}.");
        }

        return head.IsRegression ? Values(y, head.Target, name) : Labels(y, head);
    }

    /// <summary>
    /// Returns the weight of each sample: its own weight times its class's. Null if neither is given.
    /// </summary>
    /// <param name="given">The samples' weights, or null.</param>
    /// <param name="classes">The classes' weights, or null.</param>
    /// <param name="targets">The labels.</param>
    /// <param name="head">The output of the classifier.</param>
    /// <param name="floatX">The network's dtype.</param>
    /// <param name="isPart">Whether other samples follow; then the weights are not scaled.</param>
    /// <exception cref="EngineException">
    /// A number, shape or dtype is wrong; a weight is negative or not finite; class weights are given in regression.
    /// </exception>
    public static Tensor? Weights(
        Tensor? given, IReadOnlyList<double>? classes, Tensor targets, OutputHead head, DType floatX,
        bool isPart = false)
    {
        if (given is null && classes is null)
        {
            return null;
        }

        int count = targets.Shape[0];
        if (given is not null && (given.Shape.Rank != 1 || given.Shape[0] != count))
        {
            throw new EngineException(
                $"There are {count} samples and the weights are {given.TypeText}: one for each is due.");
        }

        double[] weights = given is null
            ? [.. Enumerable.Repeat(1.0, count)]
            : given.Cast(DType.Float64).AsSpan<double>().ToArray();
        RequireWeights(weights, "the weight of sample");
        weights = isPart ? weights : Scaled(weights);
        if (classes is not null)
        {
            if (targets.DType != DType.Int32)
            {
                throw new EngineException("ClassWeights are for classifiers: in regression there are no classes.");
            }

            if (classes.Count != head.Classes)
            {
                throw new EngineException(
                    $"ClassWeights has {classes.Count} weights, but the network has {Classes(head)}: one for each.");
            }

            RequireWeights([.. classes], "the weight of class");
            double[] scaled = Scaled([.. classes]);
            ReadOnlySpan<int> labels = targets.AsSpan<int>();
            for (int i = 0; i < count; i++)
            {
                weights[i] *= scaled[labels[i]];
            }
        }

        return Tensor.From(isPart ? weights : Scaled(weights)).Cast(floatX);
    }

    /// <summary>
    /// Multiplies the weights by a power of two, so that the largest is from 1 to 2. Then nothing overflows. All bits
    /// of a training stay the same, because only the ratios of the weights count.
    /// </summary>
    private static double[] Scaled(double[] weights) => weights.Max() is > 0 and double max
        ? [.. weights.Select(weight => Math.ScaleB(weight, -Math.ILogB(max)))]
        : weights;

    /// <summary>Describes the output that labels and class weights must fit.</summary>
    private static string Classes(OutputHead head) => ClassOutput.IsBinary(head.Output.Shape)
        ? "a single output, for the classes 0 and 1"
        : $"{head.Classes} outputs";

    /// <summary>Refuses to train if all weights are 0.</summary>
    /// <exception cref="EngineException">The weights of all these samples are 0.</exception>
    public static void RequireWeight(Tensor? weights, int[] rows)
    {
        if (weights is not null && weights.Rows(rows).Cast(DType.Float64).AsSpan<double>().IndexOfAnyExcept(0) < 0)
        {
            throw new EngineException(
                $"The weights of the {rows.Length} samples to train on are all 0: there is nothing to learn from.");
        }
    }

    private static void RequireWeights(double[] weights, string name)
    {
        int wrong = Array.FindIndex(weights, weight => !(weight >= 0 && double.IsFinite(weight)));
        if (wrong >= 0)
        {
            throw new EngineException(string.Create(
                CultureInfo.InvariantCulture,
                $"A weight is a number from 0 on; {name} {wrong} is {weights[wrong]}."));
        }
    }

    private static Tensor Labels(Tensor y, OutputHead head)
    {
        if (y.Shape.Rank != 1 || y.DType.IsFloat())
        {
            throw new EngineException(
                $"The labels are {y.TypeText}: a classifier takes one int32 a sample, int32 ({y.Shape[0]})"
                + $"{(y.Shape.Rank == 1 ? ", as y.Cast(DType.Int32) makes them" : "")}. For values set Regression.");
        }

        ReadOnlySpan<long> span = y.Cast(DType.Int64).AsSpan<long>();
        int wrong = span.IndexOfAnyExceptInRange(0, head.Classes - 1);
        string more = ClassOutput.IsBinary(head.Output.Shape)
            ? " For more classes end with Dense(classes, Softmax), for values set Regression."
            : "";
        return wrong < 0 ? y.ToInt32() : throw new EngineException(
            $"The label of sample {wrong} is {span[wrong]}, but the network has {Classes(head)}: "
            + $"labels go from 0 to {head.Classes - 1}.{more}");
    }

    private static Tensor Values(Tensor y, Graph.Input target, string name)
    {
        Tensor values = y;
        if (y.Shape.Rank == 1 && target.Rank == 2 && target.Shape[1] == 1)
        {
            values = y.Reshape(y.Shape[0], 1);
        }

        if (!target.Shape.Admits(values.Shape))
        {
            throw new EngineException(
                $"The values are {y.TypeText} and the network gives {target.Shape}, ? being the number of samples.");
        }

        RequireFinite(y, name);
        return values.Cast(target.DType);
    }

    private static string Text(double value) => value.ToString(System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>Refuses a value that is nan or infinite, and names its sample.</summary>
    public static void RequireFinite(Tensor tensor, string name)
    {
        if (tensor.FirstNotFinite() is { } wrong)
        {
            int row = tensor.Shape.Product(1, tensor.Shape.Rank);
            throw new EngineException(
                $"{name} has a value that is no finite number, {Text(wrong.Value)}, in sample {wrong.Index / row} "
                + $"(element {wrong.Index % row} of it): one such makes every parameter nan.");
        }
    }
}
