using Engine.Compile;
using Engine.Graph;
using Variable = Engine.Graph.Variable;

namespace Engine.Training;

/// <summary>Contains predictions and scores.</summary>
public sealed partial class NeuralNet
{
    /// <summary>Predicts the classes of samples, int32 (n); in regression, their values.</summary>
    /// <exception cref="EngineException">The samples do not fit, or the network has no parameters yet.</exception>
    /// <exception cref="ObjectDisposedException">The network was disposed of.</exception>
    public Tensor Predict(Tensors x)
    {
        Tensor output = PredictProba(x);
        return Initialized.Head.IsRegression ? output : ClassOutput.Of(output);
    }

    /// <inheritdoc cref="Predict(Tensors)"/>
    public Tensor Predict(Tensor x) => Predict((Tensors)x);

    /// <summary>
    /// Returns the probability of each class, (n, classes), also if the network has a single output for two classes. In
    /// regression, returns the network's output.
    /// </summary>
    /// <inheritdoc cref="Predict(Tensors)"/>
    public Tensor PredictProba(Tensors x)
    {
        using Gate.Reading reading = Read();
        return ValueOf(Initialized.Head.Probabilities, x);
    }

    /// <inheritdoc cref="PredictProba(Tensors)"/>
    public Tensor PredictProba(Tensor x) => PredictProba((Tensors)x);

    /// <summary>Returns the output of the layer with this name for some samples.</summary>
    /// <exception cref="EngineException">
    /// There is no such layer, the samples do not fit, or there are no parameters yet.
    /// </exception>
    /// <exception cref="ObjectDisposedException">The network was disposed of.</exception>
    public Tensor GetOutput(string layer, Tensors x)
    {
        using Gate.Reading reading = Read();
        return ValueOf(Initialized.Network.Layer(layer).Output, x);
    }

    /// <summary>
    /// Returns all outputs for some samples, by the outputs' names. A classifier's output is the probability of each
    /// class.
    /// </summary>
    /// <inheritdoc cref="Predict(Tensors)"/>
    public Tensors PredictAll(Tensors x)
    {
        using Gate.Reading reading = Read();
        var all = new Tensors();
        foreach (OutputHead head in Initialized.Heads)
        {
            all[head.Name] = ValueOf(head.Probabilities, x);
        }

        return all;
    }

    /// <summary>Computes an output for some samples, batch by batch.</summary>
    private Tensor ValueOf(Variable wanted, Tensors x)
    {
        BatchIterator iterator = BatchIteratorTest;
        IReadOnlyList<Graph.Input> inputs = Initialized.Network.Inputs;
        string[] names = [.. inputs.Select(input => input.Name!)];
        IReadOnlyList<Tensor> samples = Samples.Inputs(x, inputs);
        (Function function, int[] used) = FunctionFor(wanted, iterator);
        int count = samples[0].Shape[0], batchSize = iterator.BatchSize;
        var output = new Tensor(FloatX, wanted.Shape.With(0, count));
        for (int start = 0; start < count; start += batchSize)
        {
            int size = Math.Min(batchSize, count - start);
            var batch =
                Tensors.Of(names, [.. samples.Select(sample => size == count ? sample : sample.Rows(start, size))]);
            Tensor[] rows = [.. iterator.Made(Batch.Of(batch)).Inputs.InOrder(names)];
            if (rows.FirstOrDefault(each => each.Shape.Rank == 0 || each.Shape[0] != size) is { } wrong)
            {
                throw new EngineException(
                    $"The transform of BatchIteratorTest made {wrong.TypeText} of {batch}: "
                    + "prediction needs one row a sample.");
            }

            output.PutRows(start, function.Call([.. used.Select(i => rows[i])])[0]);
        }

        return output;
    }

    private (Function Function, int[] Used) FunctionFor(Variable wanted, BatchIterator iterator)
    {
        lock (_outputs)
        {
            if (!_outputs.TryGetValue((wanted, iterator.Augmentation), out (Function, int[]) function))
            {
                (IReadOnlyList<Graph.Input> inputs, IReadOnlyList<Variable> inUse) = InUse([wanted], iterator);
                int[] used = UsedOf(inputs, inUse);
                function = (Function.Compile([.. used.Select(i => inputs[i])], inUse, device: _device), used);
                _outputs.Add((wanted, iterator.Augmentation), function);
            }

            return function;
        }
    }

    /// <summary>Returns the inputs that some outputs depend on. A branch may not need all of them.</summary>
    private static int[] UsedOf(IReadOnlyList<Graph.Input> inputs, IReadOnlyList<Variable> outputs)
    {
        HashSet<Variable> needed = [.. FunctionGraph.Leaves(outputs)];
        return [.. Enumerable.Range(0, inputs.Count).Where(i => needed.Contains(inputs[i]))];
    }

    /// <summary>
    /// Returns the accuracy; in regression, the coefficient of determination R². R² is 1 for a perfect prediction, and
    /// 0 for one that is no better than the mean. If all values are equal it is 1 for a perfect prediction, else 0, as
    /// in scikit-learn.
    /// </summary>
    /// <exception cref="EngineException">
    /// The samples or labels do not fit, or the network has no parameters yet.
    /// </exception>
    public float Score(Tensors x, Tensors y)
    {
        using Gate.Reading reading = Read();
        OutputHead head = Initialized.Head;
        SampleSet data = SampleSet.Of(x, y, weights: null, classWeights: null, Initialized);
        Tensor predicted = Predict(x);
        return head.IsRegression
            ? Determination(NdArray.From(predicted), NdArray.From(data.Y))
            : Accuracy(predicted.AsSpan<int>(), data.Y.AsSpan<int>());
    }

    /// <inheritdoc cref="Score(Tensors, Tensors)"/>
    public float Score(Tensors x, int[] y) => Score(x, Tensor.From(y));

    private static float Accuracy(ReadOnlySpan<int> predicted, ReadOnlySpan<int> labels)
    {
        int correct = 0;
        for (int i = 0; i < labels.Length; i++)
        {
            correct += predicted[i] == labels[i] ? 1 : 0;
        }

        return (float)correct / labels.Length;
    }

    /// <summary>1 − Σ (y − p)² / Σ (y − ȳ)², with ȳ the mean of each output over the samples.</summary>
    private static float Determination(NdArray predicted, NdArray values)
    {
        int samples = values.Shape[0], outputs = values.Data.Length / samples;
        double residual = 0, total = 0;
        for (int output = 0; output < outputs; output++)
        {
            double mean = Enumerable.Range(0, samples).Average(i => values.Data[(i * outputs) + output]);
            for (int i = output; i < values.Data.Length; i += outputs)
            {
                residual += Math.Pow(values.Data[i] - predicted.Data[i], 2);
                total += Math.Pow(values.Data[i] - mean, 2);
            }
        }

        return total > 0 ? (float)(1 - (residual / total)) : residual > 0 ? 0 : 1;
    }
}
