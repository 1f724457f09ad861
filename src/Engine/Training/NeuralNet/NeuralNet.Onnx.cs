using Engine.Graph;
using Engine.Onnx;

namespace Engine.Training;

public sealed partial class NeuralNet
{
    /// <summary>
    /// Returns a network from an ONNX file, to be used, looked into and trained on with the settings that a network has
    /// by default. Others, and further layers, it gets as <c>new NeuralNet(OnnxModel.Load(path).ToNode(output).Then(…))
    /// { … }</c>.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <param name="output">The result that the network ends with; null for the file's only output.</param>
    /// <exception cref="IO.ModelFileException">It is no ONNX model, a damaged one, or needs what is not there.</exception>
    /// <exception cref="EngineException">There is no such result, or an input's sides are open.</exception>
    public static NeuralNet FromOnnx(string path, string? output = null)
    {
        OnnxModel model = OnnxModel.Load(path);
        var net = new NeuralNet(model.ToNode(output))
        {
            FloatX = model.Inputs.Any(input => input.DType == DType.Float64) ? DType.Float64 : DType.Float32,
        };

        // Its weights are there, so that it predicts at once.
        net.Initialize();
        return net;
    }

    /// <summary>
    /// Writes the network as <see cref="PredictProba(Tensors)"/> has it now as an ONNX file, for ONNX Runtime and the tools that read
    /// its files. Its inputs and outputs are called as their layers are; the number of samples is open. What <see
    /// cref="BatchIteratorTest"/> normalizes is normalized in the file too; what its Transform does is not there.
    /// </summary>
    /// <exception cref="EngineException">
    /// ONNX has no such op as one of a layer's, or the file cannot be written.
    /// </exception>
    public void ExportOnnx(string path)
    {
        Initialize();
        using Gate.Reading reading = Read();
        IReadOnlyList<OutputHead> heads = Initialized.Heads;
        (IReadOnlyList<Graph.Input> inputs, IReadOnlyList<Variable> outputs) =
            InUse(heads.Select(head => head.Probabilities), BatchIteratorTest);
        OnnxExport.Save(
            path, inputs, [.. heads.Zip(outputs, (head, output) => KeyValuePair.Create(head.Name, output))]);
    }

    /// <summary>Writes what predicts, with what stands before and behind it.</summary>
    /// <param name="path">The file.</param>
    /// <param name="given">What is given.</param>
    /// <param name="samples">What the network takes, made of that.</param>
    /// <param name="meaning">What is made of what the network gives.</param>
    /// <param name="name">What that is called.</param>
    /// <param name="words">The words of inputs that are given as such.</param>
    internal void ExportOnnx(
        string path, IReadOnlyList<Graph.Input> given, Func<Graph.Input, Variable> samples, Func<Variable, Variable> meaning, string name,
        IReadOnlyDictionary<Graph.Input, IReadOnlyList<string>> words)
    {
        Initialize();
        using Gate.Reading reading = Read();
        (IReadOnlyList<Graph.Input> inputs, IReadOnlyList<Variable> outputs) = InUse([Initialized.Head.Probabilities], BatchIteratorTest);
        Variable output = Traversal.Replace(outputs, new Dictionary<Variable, Variable> { [inputs[0]] = samples(inputs[0]) })[0];
        OnnxExport.Save(path, given, [KeyValuePair.Create(name, meaning(output))], words);
    }
}
