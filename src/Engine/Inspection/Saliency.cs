using Engine.Compile;
using Engine.Graph;
using Engine.Ops;
using Engine.Training;
using Variable = Engine.Graph.Variable;

namespace Engine.Inspection;

/// <summary>
/// Computes how much each value of a sample affects the score of a class: the gradient of the score with respect to the
/// sample (Simonyan, Vedaldi, Zisserman: Deep inside convolutional networks. 2014, section 3).
/// </summary>
public static class Saliency
{
    /// <summary>
    /// Returns the gradients. The score is the output of the last layer. If a softmax, or a sigmoid for two classes,
    /// computes that output, the score is its input, as in the paper, because a probability near 1 hardly changes.
    /// </summary>
    /// <param name="net">The network.</param>
    /// <param name="x">The samples, as the network takes them.</param>
    /// <param name="classes">For each sample, the class or output whose score is meant.</param>
    /// <returns>A tensor with the samples' shape and the network's floating-point type.</returns>
    /// <exception cref="EngineException">The samples or classes do not fit the network.</exception>
    public static Tensor Of(NeuralNet net, Tensor x, params ReadOnlySpan<int> classes)
    {
        ArgumentNullException.ThrowIfNull(net);
        net.Initialize();
        using Gate.Reading reading = net.Read();
        Tensor samples = Samples.Inputs(x, net.Network.Inputs)[0];
        int count = samples.Shape[0];
        Variable output = net.Network.Output;
        if (output.Rank != 2)
        {
            throw new EngineException(
                $"Only an output of one number a class has scores, and the network gives {output.Shape}.");
        }

        if (!net.Network.Layers[0].Output.DType.IsFloat())
        {
            throw new EngineException(
                $"Saliency is a gradient with respect to the samples, and the network takes {samples.DType.Name()}: "
                + "whole numbers have none.");
        }

        Variable score = net.Head.IsRegression ? output : ClassOutput.Scores(output);
        int outputs = score.Shape[1];
        int wrong = classes.IndexOfAnyExceptInRange(0, outputs - 1);
        if (wrong >= 0 || classes.Length != count)
        {
            throw new EngineException(wrong >= 0
                ? InvariantText.Of(
                    $"The class of sample {wrong} is {classes[wrong]}, but the network has {outputs} outputs, "
                        + $"from 0 to {outputs - 1}.")
                : $"There are {count} samples but {classes.Length} classes.");
        }

        Variable pixels = net.Network.Layers[0].Output;
        Graph.Input chosen = Symbolic.Matrix("chosen", net.FloatX);
        Variable gradient = Symbolic.Grad(Symbolic.Sum(score * chosen), pixels);
        using Function function = Function.Compile([net.Network.Input, chosen], [gradient], device: net.RunsOn);

        var gradients = new Tensor(net.FloatX, samples.Shape);
        int batch = net.BatchIteratorTest.BatchSize, row = gradients.Bytes.Length / count;
        for (int start = 0; start < count; start += batch)
        {
            int rows = Math.Min(batch, count - start);
            var one = new float[rows * outputs];
            for (int i = 0; i < rows; i++)
            {
                one[(i * outputs) + classes[start + i]] = 1;
            }

            Tensor part = function.Call(samples.Rows(start, rows), Tensor.From(one, rows, outputs).Cast(net.FloatX))[0];
            part.Bytes.CopyTo(gradients.Bytes[(start * row)..]);
        }

        return gradients;
    }

    /// <summary>
    /// Returns a map for each image: the largest absolute gradient among the channels of each pixel (equation 5 of the
    /// paper's section 3.1).
    /// </summary>
    /// <param name="gradients">(n, channels, height, width).</param>
    /// <returns>float32 (n, height, width).</returns>
    /// <exception cref="EngineException">The gradients are not those of images.</exception>
    public static Tensor Maps(Tensor gradients)
    {
        ArgumentNullException.ThrowIfNull(gradients);
        if (gradients.Shape.Rank != 4)
        {
            throw new EngineException(
                $"Gradients of images are (images, channels, height, width), not {gradients.TypeText}: reshape them.");
        }

        Shape shape = gradients.Shape;
        NdArray values = NdArray.From(gradients);
        var maps = new Tensor(DType.Float32, [shape[0], shape[2], shape[3]]);
        int plane = shape[2] * shape[3];
        for (int i = 0; i < values.Data.Length; i++)
        {
            ref float pixel = ref maps.AsSpan<float>()[(i / (plane * shape[1]) * plane) + (i % plane)];
            pixel = Math.Max(pixel, (float)Math.Abs(values.Data[i]));
        }

        return maps;
    }
}
